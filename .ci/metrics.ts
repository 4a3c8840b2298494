// Writes docs/metrics.md from the metrics as the code declares them. usage: metrics.ts
import type { Metric } from "prom-client";
import { createMetrics } from "../lib/host/metrics/metrics.ts";

const FILE = new URL("../docs/metrics.md", import.meta.url);

type Role = "both" | "controller" | "speaker";

/** Which role a metric tells of, by the beginning of its name; the first that fits counts. */
const ROLES: readonly (readonly [beginning: string, role: Role])[] = [
  ["metallb_allocator_", "controller"],
  ["metallb_k8s_client_update_errors_", "controller"],
  ["herald_allocat", "controller"],
  ["herald_leader", "controller"],
  ["herald_pool_", "controller"],
  ["herald_status_", "controller"],
  ["metallb_bfd_", "speaker"],
  ["metallb_bgp_", "speaker"],
  ["metallb_layer2_", "speaker"],
  ["metallb_speaker_", "speaker"],
  ["herald_addresses_", "speaker"],
  ["herald_bfd_", "speaker"],
  ["herald_bgp_", "speaker"],
  ["herald_gossip_", "speaker"],
  ["herald_heartbeat_", "speaker"],
  ["herald_layer2_", "speaker"],
  ["herald_speakers_", "speaker"],
  ["metallb_k8s_client_", "both"],
  ["herald_build_info", "both"],
  ["herald_config_", "both"],
  ["herald_event_loop_", "both"],
  ["herald_http_", "both"],
  ["herald_ready", "both"],
  ["herald_cluster_", "both"],
  ["herald_watch_", "both"],
  ["process_", "both"],
];

const INTRODUCTION = `# Metrics

Each process serves them at \`/metrics\` on its \`--port\` (7472), by HTTPS and for whom the cluster lets
with [\`--metrics-auth\`](operation.md#who-may-read-the-pages). Names that begin with \`metallb_\` are
MetalLB's, with MetalLB's types and labels, so that its dashboards and alerts go on working;
\`process_\` are Prometheus' common ones; \`herald_\` are Herald's own. A process shows all of them, those
of the other role with 0 or without a series. The pools are shown by the controller that leads alone.
What is deleted, a Service, a pool or a peer, has no series any more. Of the common ones
\`process_max_fds\` and \`process_virtual_memory_bytes\` are missing: Deno opens no file that tells.

Alerts on them: \`deploy/prometheus/herald-rules.yaml\`. Dashboards: \`deploy/grafana/\`.

This page is made from the code by \`deno run -A .ci/metrics.ts\`.
`;

/** A metric as it stands in the page. */
export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
  readonly role: Role;
}

/** Every metric of Herald, by name. @throws Error for one of no known role */
export async function metricRows(): Promise<readonly MetricRow[]> {
  const { registry } = createMetrics();
  const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, type]));
  return registry.getMetricsAsArray().map((metric) => {
    // The types of prom-client leave out what it keeps of each.
    const { name, help, labelNames = [] } = metric as unknown as Described;
    return { name, help, labels: labelNames, type: String(types.get(name)), role: roleOf(name) };
  }).sort((a, b) => a.name < b.name ? -1 : 1);
}

type Described = Metric & {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
};

function roleOf(name: string): Role {
  const [, role] = ROLES.find(([beginning]) => name.startsWith(beginning)) ?? [];
  if (role === undefined) throw new Error(`Say in .ci/metrics.ts which role has ${name}`);
  return role;
}

/** The page, formatted as deno fmt would. */
export async function metricsPage(): Promise<string> {
  const rows = await metricRows();
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll(/<|>/g, "\\$&");
  const lines = rows.map(({ name, type, labels, help, role }) => {
    const marked = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${marked} | ${role} | ${cell(help)} |`;
  });
  const text = [
    INTRODUCTION,
    "| name | type | labels | role | meaning |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
  return await formatted(text);
}

async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", "--line-width=100", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("deno fmt refuses the page");
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) await Deno.writeTextFile(FILE, await metricsPage());
