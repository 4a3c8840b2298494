/** A pool of layer 2 as YAML in one line; `addresses` and `more` are YAML within its braces. */
export function poolYaml(name: string, addresses: string, more = ""): string {
  const rest = more === "" ? "" : `, ${more}`;
  return `{ name: ${name}, protocol: layer2, addresses: [${addresses}]${rest} }`;
}

/** A configuration of these pools, each as `poolYaml` gives it. */
export function poolsYaml(...pools: string[]): string {
  return `address-pools:\n${pools.map((pool) => `- ${pool}\n`).join("")}`;
}
