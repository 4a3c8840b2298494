import { askLocalProcesses, askProcess } from "../host/inspect/processes.ts";
import { formatHost } from "../net/ip.ts";
import { statusText } from "../status/text.ts";
import type { ProcessStatus } from "../status/types.ts";
import type { OutputFormat } from "./arguments.ts";

/** `herald status`: prints what the roles on this machine hold; exit code 1 when none runs. */
export async function status(output: OutputFormat): Promise<number> {
  const found = await askLocalProcesses();
  if (found.length === 0) {
    // In a pod the root is read-only, so there is no socket file; the probes' address answers.
    const host = Deno.env.get("METALLB_HOST") || "127.0.0.1";
    const one = await askProcess(`http://${formatHost(host)}:7472`);
    if (one !== undefined) found.push(one);
  }
  await Deno.stdout.write(new TextEncoder().encode(statusReport(found, output)));
  if (found.length > 0) return 0;
  await Deno.stderr.write(new TextEncoder().encode(
    "herald: no role runs on this machine; start one with herald run --role=controller|speaker|all " +
      "(as root, or the user who started it)\n",
  ));
  return 1;
}

/** What goes to standard output: all processes as one JSON object, or one after the other. */
export function statusReport(found: readonly ProcessStatus[], output: OutputFormat): string {
  return output === "json"
    ? `${JSON.stringify({ roles: found }, null, 2)}\n`
    : found.map(statusText).join("\n");
}
