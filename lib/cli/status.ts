import { askLocalProcesses, askProcess } from "../host/inspect/processes.ts";
import { formatHost } from "../net/ip.ts";
import { statusText } from "../status/text.ts";
import type { ProcessStatus } from "../status/types.ts";
import type { OutputFormat } from "./arguments.ts";
import { writeText } from "./output.ts";

/** Whoever asks on a laptop means the cluster, and must not be sent to start a role here. */
export const NO_ROLE =
  "herald: no role runs on this machine (or it belongs to another user: try as root). " +
  "On a cluster ask a pod: kubectl -n metallb-system exec deploy/controller -- herald status, and " +
  "ds/speaker for a speaker. Without Kubernetes: herald run --role=controller|speaker|all\n";

/** `herald status`: prints what the roles on this machine hold; exit code 1 when none runs. */
export async function status(output: OutputFormat): Promise<number> {
  const found = await askLocalProcesses();
  if (found.length === 0) {
    const one = await askProcess(pageInPod((name) => Deno.env.get(name)));
    if (one !== undefined) found.push(one);
  }
  await writeText(Deno.stdout, statusReport(found, output));
  if (found.length > 0) return 0;
  await writeText(Deno.stderr, NO_ROLE);
  return 1;
}

/** In a pod the root is read-only, so there is no socket file; where the probes ask, it answers. */
export function pageInPod(env: (name: string) => string | undefined): string {
  const host = env("METALLB_HOST") || "127.0.0.1";
  return `http://${formatHost(host)}:${env("METALLB_PORT") || 7472}`;
}

/** What goes to standard output: all processes as one JSON object, or one after the other. */
export function statusReport(found: readonly ProcessStatus[], output: OutputFormat): string {
  return output === "json"
    ? `${JSON.stringify({ roles: found }, null, 2)}\n`
    : found.map(statusText).join("\n");
}
