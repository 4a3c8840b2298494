import { errorText } from "../base/errors.ts";
import { askCluster, type ClusterPlace } from "../host/inspect/cluster_roles.ts";
import { askLocalProcesses, askProcess, isTaken } from "../host/inspect/processes.ts";
import { formatHost } from "../net/ip.ts";
import { problemsOf } from "../status/check.ts";
import { statusText } from "../status/text.ts";
import { type ProcessStatus, STATUS_SCHEMA, type StatusReport } from "../status/types.ts";
import type { OutputFormat } from "./arguments.ts";
import { writeText } from "./output.ts";

/** Whoever asks on a laptop means the cluster, and must not be sent to start a role here. */
export const NO_ROLE =
  "herald: no role runs on this machine (or it belongs to another user: try as root). " +
  "For a cluster: herald status --cluster, by your kubeconfig; or ask a pod: kubectl " +
  "-n metallb-system exec deploy/controller -- herald status, and ds/speaker for a speaker. " +
  "Without Kubernetes: herald run --role=controller|speaker|all\n";

/** A role that speaks TLS, or another program. */
export const NO_STATUS =
  "herald: something listens where a role of this machine would, and gives no status. A role with " +
  "--metrics-auth or --tls-cert tells it by a socket in /run/herald alone: to its own user and " +
  "root, and where it may write there (in a pod an emptyDir, which the chart and Kustomize's " +
  "component metrics-auth mount)\n";

interface StatusRequest {
  /** Where the cluster is whose roles are asked; undefined: those of this machine. */
  readonly cluster: ClusterPlace | undefined;
  /** Of the page of a role of this machine; undefined: of all that run here. */
  readonly port: number | undefined;
  /** Whether what is wrong is told, and makes the exit code 1. */
  readonly check: boolean;
  readonly output: OutputFormat;
}

/** What was found, of this machine or of a cluster. */
type Found = Omit<StatusReport, "schema">;

/**
 * `herald status`: prints what the roles on this machine hold, or those of a cluster; exit code 1
 * when none answers, and with `--check` when something is wrong.
 */
export async function status({ check, cluster, output, port }: StatusRequest): Promise<number> {
  try {
    const asked: Found = cluster === undefined
      ? { roles: await askHere(port) }
      : await askCluster(cluster);
    const found = check ? { ...asked, problems: findProblems(asked) } : asked;
    await writeText(Deno.stdout, statusReport(found, output));
    if (found.roles.length === 0 && cluster === undefined) {
      await writeText(Deno.stderr, await somebodyListens(port) ? NO_STATUS : NO_ROLE);
    }
    return found.roles.length === 0 || (found.problems ?? []).length > 0 ? 1 : 0;
  } catch (error) {
    await writeText(Deno.stderr, `herald: ${errorText(error)}\n`);
    return 1;
  }
}

async function askHere(port: number | undefined): Promise<readonly ProcessStatus[]> {
  const found = port === undefined ? await askLocalProcesses() : [];
  if (found.length > 0) return found;
  for (const page of pagesInPod(port, (name) => Deno.env.get(name))) {
    const one = await askProcess(page);
    if (one !== undefined) return [one];
  }
  return [];
}

async function somebodyListens(port: number | undefined): Promise<boolean> {
  const pages = pagesInPod(port, (name) => Deno.env.get(name));
  return (await Promise.all(pages.map(isTaken))).includes(true);
}

/**
 * In a pod the root is read-only, so there is no socket file; where the probes ask, it answers. A
 * port that its flags choose is known to who asks alone.
 */
export function pagesInPod(
  port: number | undefined,
  env: (name: string) => string | undefined,
): string[] {
  const host = env("METALLB_HOST") || "";
  const hosts = ["", "::", "0.0.0.0"].includes(host) ? ["127.0.0.1", "::1"] : [host];
  return hosts.map((one) => `http://${formatHost(one)}:${port ?? (env("METALLB_PORT") || 7472)}`);
}

/** A pod that does not answer is a problem, and may be the one that does what no other does. */
export function findProblems({ roles, silent }: Found): string[] {
  return [
    ...(silent ?? []).map(({ pod, why }) => `pod ${pod} was not reached: ${why}`),
    ...problemsOf(roles, silent?.length === 0),
  ];
}

/** What goes to standard output: all processes as one JSON object, or one after the other. */
export function statusReport(found: Found, output: OutputFormat): string {
  if (output === "json") {
    const { problems, roles, silent } = found;
    const report: StatusReport = { schema: STATUS_SCHEMA, roles, silent, problems };
    return `${JSON.stringify(report, null, 2)}\n`;
  }
  const { problems, roles, silent = [] } = found;
  return [
    ...roles.map((role) =>
      `${role.pod === undefined ? "" : `pod ${role.pod}\n`}${statusText(role)}`
    ),
    // Among the problems they are told already.
    ...problems === undefined && silent.length > 0
      ? [section("Not reached:", silent.map(({ pod, why }) => `${pod}: ${why}`))]
      : [],
    ...problems === undefined || (problems.length === 0 && roles.length === 0)
      ? []
      : [problems.length === 0 ? "Nothing is wrong.\n" : section("Wrong:", problems)],
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string {
  return `${[title, ...lines.map((line) => `  ${line}`)].join("\n")}\n`;
}
