import assert from "node:assert/strict";
import { ensureKubeBinaries } from "../support/kube_binaries.ts";
import { must } from "../support/process.ts";
import { COMPONENTS, kustomize } from "./kustomize.ts";

const DEPLOY = new URL("../../deploy", import.meta.url).pathname;
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

Deno.test("each component of the kustomization does what its name says, beside all others too", async () => {
  const { kubectl } = await ensureKubeBinaries();
  const folders = Deno.readDirSync(`${DEPLOY}/kustomize/components`);
  assert.deepEqual([...folders].map(({ name }) => name).sort(), [...COMPONENTS].sort());
  const base = await kustomize(kubectl, []);
  const all = await kustomize(kubectl, COMPONENTS);
  for (const component of COMPONENTS) {
    assert.doesNotMatch(base, SIGNS[component]);
    assert.match(await kustomize(kubectl, [component]), SIGNS[component]);
    assert.match(all, SIGNS[component], component);
  }
});
