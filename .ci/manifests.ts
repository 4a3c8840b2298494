// The files of deploy/ that are made from the chart, so that one source rules. `deno run -A
// .ci/manifests.ts` writes them anew; tests/chart compares them with what the chart gives.
import { fileURLToPath } from "node:url";
import { ensureHelm } from "../tests/support/kube_binaries.ts";
import { must } from "../tests/support/process.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
export const CHART = `${ROOT}deploy/chart/herald`;
const RULES = "deploy/prometheus/herald-rules.yaml";
/** Another Kubernetes than the chart is rendered for must not change the files. */
const KUBE_VERSION = "1.35.0";

const COMPATIBLE =
  `# Herald in MetalLB's place: the same namespace, names, labels, ports and ConfigMap.
# 1. kubectl apply -f metallb-compatible.yaml
# 2. kubectl apply -f the ConfigMap "config" that you have, or metallb-configmap.yaml
# Made from deploy/chart/herald by .ci/manifests.ts; change it there.
`;
const MONITORS =
  `# For the Prometheus Operator: who is asked for metrics, by HTTPS and with the token of Prometheus.
# Made from deploy/chart/herald by .ci/manifests.ts; change it there.
`;
const OPERATOR = `# For the Prometheus Operator: who is asked for metrics, and the alerts.
# Made from deploy/chart/herald by .ci/manifests.ts; change it there.
`;

/** Renders the chart as `helm template` does. @throws Error with helm's message */
export async function renderChart(helm: string, args: readonly string[]): Promise<string> {
  return await must(helm, [
    "template",
    "herald",
    CHART,
    "--namespace=metallb-system",
    `--kube-version=${KUBE_VERSION}`,
    ...args,
  ]);
}

/** The made files by their paths under the repository. */
export async function makeManifests(helm: string): Promise<ReadonlyMap<string, string>> {
  const values = `--values=${ROOT}deploy/chart/values/metallb-compatible.yaml`;
  const compatible = COMPATIBLE + await tidy(await renderChart(helm, [values]));
  const operator = await renderChart(helm, [
    values,
    "--set=prometheus.podMonitor.enabled=true,prometheus.prometheusRule.enabled=true",
    "--show-only=templates/prometheus.yaml",
  ]);
  const monitors = await renderChart(helm, [
    values,
    "--set=prometheus.metricsAuth=kubernetes,prometheus.serviceMonitor.enabled=true",
    "--show-only=templates/prometheus.yaml",
  ]);
  return new Map([
    ["deploy/metallb-compatible.yaml", compatible],
    // kustomize reads no file outside of a kustomization's folder.
    ["deploy/kustomize/base/herald.yaml", compatible],
    ["deploy/kustomize/components/prometheus/monitoring.yaml", OPERATOR + await tidy(operator)],
    ["deploy/kustomize/components/prometheus-auth/monitors.yaml", MONITORS + await tidy(monitors)],
    ["deploy/chart/herald/files/herald-rules.yaml", await Deno.readTextFile(ROOT + RULES)],
  ]);
}

/** Without helm's remarks on where each object comes from, and as `deno fmt` has it. */
async function tidy(rendered: string): Promise<string> {
  const plain = rendered.replaceAll(/^# Source: .*\n/gm, "").replace(/^---\n/, "");
  const formatted = await must(Deno.execPath(), ["fmt", "--quiet", "--ext=yaml", "-"], plain);
  return formatted;
}

if (import.meta.main) {
  // The rules are part of the chart: they come first.
  await Deno.copyFile(ROOT + RULES, `${CHART}/files/herald-rules.yaml`);
  for (const [path, text] of await makeManifests(await ensureHelm())) {
    await Deno.writeTextFile(ROOT + path, text);
  }
}
