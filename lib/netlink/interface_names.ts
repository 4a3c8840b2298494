/**
 * What container networks call their interfaces: the list that MetalLB ships as `excludel2.yaml`.
 * Under Calico, Cilium or flannel a node has one for each of its pods. No one on the LAN asks there,
 * and a pod that did would get the answer of a node beside that of the owner.
 */
export const CONTAINER_INTERFACES: readonly string[] = [
  "docker*",
  "cbr*",
  "dummy*",
  "virbr*",
  "lxcbr*",
  "veth*",
  "lo",
  "cali*",
  "tunl*",
  "flannel*",
  "kube-ipvs*",
  "cni*",
  "nodelocaldns*",
  "lxc*",
];

/**
 * Whether patterns let an interface in: `*` matches any run of characters, `?` for one, `!` in
 * front shuts out. Where no pattern lets in, all come in but {@link CONTAINER_INTERFACES} and what
 * is shut out; `*` lets those in too.
 */
export function matchesInterface(name: string, patterns: readonly string[]): boolean {
  const [out, into] = [true, false].map((shutOut) =>
    patterns.filter((pattern) => pattern.startsWith("!") === shutOut)
  );
  if (out?.some((pattern) => matchesPattern(name, pattern.slice(1)))) return false;
  if (into === undefined || into.length === 0) {
    return !CONTAINER_INTERFACES.some((pattern) => matchesPattern(name, pattern));
  }
  return into.some((pattern) => matchesPattern(name, pattern));
}

function matchesPattern(name: string, pattern: string): boolean {
  const source = pattern.replaceAll(/[^*?]/g, (character) => RegExp.escape(character))
    .replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(name);
}
