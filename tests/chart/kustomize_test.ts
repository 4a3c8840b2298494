import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ensureKubeBinaries } from "../support/kube_binaries.ts";
import { must } from "../support/process.ts";
import { type Component, COMPONENTS, kustomize } from "./kustomize.ts";

const DEPLOY = fileURLToPath(new URL("../../deploy", import.meta.url));
const SIGNS = {
  bgp: /mountPath: \/etc\/herald\/bgp/,
  ebpf: /- NET_RAW\n +- BPF\n +- NET_ADMIN/,
  prometheus: /kind: PrometheusRule/,
  "fast-lease": /- --leader-elect-profile=fast/,
} as const;

Deno.test("the folder deploy itself is the kustomization without components", async () => {
  const { kubectl } = await ensureKubeBinaries();
  assert.equal(await must(kubectl, ["kustomize", DEPLOY]), await kustomize(kubectl, []));
});

/** Every choice of components, each in the order given. */
function choices(components: readonly Component[]): readonly (readonly Component[])[] {
  const [first, ...others] = components;
  if (first === undefined) return [[]];
  return choices(others).flatMap((choice) => [choice, [first, ...choice]]);
}

Deno.test("every choice of components does what their names say and no more, in any order", async () => {
  const { kubectl } = await ensureKubeBinaries();
  const folders = Deno.readDirSync(`${DEPLOY}/kustomize/components`);
  assert.deepEqual([...folders].map(({ name }) => name).sort(), [...COMPONENTS].sort());
  for (const chosen of choices(COMPONENTS)) {
    const built = await kustomize(kubectl, chosen);
    for (const component of COMPONENTS) {
      assert.equal(SIGNS[component].test(built), chosen.includes(component), chosen.join());
    }
    if (chosen.length === COMPONENTS.length) {
      assert.equal(await kustomize(kubectl, [...chosen].reverse()), built, "in reverse");
    }
  }
});
