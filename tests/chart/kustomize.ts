import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { must } from "../support/process.ts";

const KUSTOMIZE = fileURLToPath(new URL("../../deploy/kustomize", import.meta.url));
export const COMPONENTS = [
  "bgp",
  "ebpf",
  "prometheus",
  "prometheus-auth",
  "metrics-auth",
  "fast-lease",
] as const;
/** All that go together: one of the two for Prometheus stands in place of the other. */
export const TOGETHER = COMPONENTS.filter((one) => one !== "prometheus");
export type Component = typeof COMPONENTS[number];

/** Builds what a user builds: an overlay of his own on the base, with these components. */
export async function kustomize(
  kubectl: string,
  components: readonly Component[],
): Promise<string> {
  const overlay = await Deno.makeTempDir({ prefix: "herald-overlay-" });
  try {
    // kustomize takes no absolute paths.
    const from = (path: string) => relative(overlay, `${KUSTOMIZE}/${path}`);
    await Deno.writeTextFile(
      `${overlay}/kustomization.yaml`,
      JSON.stringify({
        apiVersion: "kustomize.config.k8s.io/v1beta1",
        kind: "Kustomization",
        resources: [from("base")],
        components: components.map((one) => from(`components/${one}`)),
      }),
    );
    return await must(kubectl, ["kustomize", overlay]);
  } finally {
    await Deno.remove(overlay, { recursive: true });
  }
}
