import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ensureKubeBinaries } from "../support/kube_binaries.ts";
import { must } from "../support/process.ts";
import { type Component, COMPONENTS, kustomize, TOGETHER } from "./kustomize.ts";

const DEPLOY = fileURLToPath(new URL("../../deploy", import.meta.url));
const SIGNS = {
  bgp: /mountPath: \/etc\/herald\/bgp/,
  ebpf: /- NET_RAW\n +- BPF\n +- NET_ADMIN/,
  prometheus: /kind: PodMonitor/,
  "prometheus-auth": /kind: ServiceMonitor/,
  "metrics-auth": /- --metrics-auth=kubernetes/,
  "fast-lease": /- --leader-elect-profile=fast/,
} as const;

Deno.test("the folder deploy itself is the kustomization without components", async () => {
  const { kubectl } = await ensureKubeBinaries();
  assert.equal(await must(kubectl, ["kustomize", DEPLOY]), await kustomize(kubectl, []));
});

Deno.test("fault 24: the manifest ranks its pods, bears a drain, and names their users", async () => {
  const text = await Deno.readTextFile(`${DEPLOY}/metallb-compatible.yaml`);
  for (
    const part of [
      /priorityClassName: system-node-critical/,
      /priorityClassName: system-cluster-critical/,
      /kind: PodDisruptionBudget/,
      /runAsNonRoot: true/,
      /within 15 s when it dies \(3 s with --leader-elect-profile=fast\)/,
    ]
  ) assert.match(text, part);
});

/** Every choice of up to so many components, each in the order given. */
function choices(
  components: readonly Component[],
  most: number,
): readonly (readonly Component[])[] {
  const [first, ...others] = components;
  if (first === undefined || most === 0) return [[]];
  return [
    ...choices(others, most),
    ...choices(others, most - 1).map((choice) => [first, ...choice]),
  ];
}

Deno.test("one component, any two and all do what their names say and no more, in any order", async () => {
  const { kubectl } = await ensureKubeBinaries();
  const folders = Deno.readDirSync(`${DEPLOY}/kustomize/components`);
  assert.deepEqual([...folders].map(({ name }) => name).sort(), [...COMPONENTS].sort());
  const chosen = choices(COMPONENTS, 2).filter((choice) =>
    !(choice.includes("prometheus") && choice.includes("prometheus-auth"))
  );
  for (const choice of [...chosen, TOGETHER]) {
    const built = await kustomize(kubectl, choice);
    for (const component of COMPONENTS) {
      assert.equal(SIGNS[component].test(built), choice.includes(component), choice.join());
    }
  }
  const lines = async (choice: readonly Component[]) =>
    (await kustomize(kubectl, choice)).split("\n").map((line) => line.replace(/^[ -]+/, "")).sort();
  assert.deepEqual(await lines([...TOGETHER].reverse()), await lines(TOGETHER), "in reverse");
});
