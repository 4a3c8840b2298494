import { isObject } from "../../model/json.ts";
import { RUN_FOLDER } from "../process/options.ts";
import type { ProcessStatus } from "../../status/types.ts";

const ANSWER_WITHIN_MS = 3_000;

/** The statuses of all Herald processes that run on this machine, in any network namespace. */
export async function askLocalProcesses(): Promise<ProcessStatus[]> {
  const found: ProcessStatus[] = [];
  for (const path of sockets()) {
    const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const status = await askProcess("http://localhost", client);
    client.close();
    if (status !== undefined) found.push(status);
  }
  return found;
}

/** The status of a process by its HTTP address, where there is no socket file (in a pod). */
export async function askProcess(
  url: string,
  client?: Deno.HttpClient,
  withinMs = ANSWER_WITHIN_MS,
): Promise<ProcessStatus | undefined> {
  try {
    const answer = await fetch(`${url}/status`, {
      client,
      signal: AbortSignal.timeout(withinMs),
    });
    const text = await answer.text();
    const status: unknown = answer.ok ? JSON.parse(text) : undefined;
    return isProcessStatus(status) ? status : undefined;
  } catch {
    return undefined; // Left by a killed process, no process listens, or the answer is no JSON.
  }
}

/** What to do where a pod's pages cannot be read from outside. `pod` is NAMESPACE/NAME. */
export function closedPages(pod: string): string {
  const [namespace, name] = pod.split("/");
  return "its pages are closed (--metrics-auth, TLS); it tells itself: " +
    `kubectl -n ${namespace} exec ${name} -- herald status`;
}

/** Whether anything takes connections there. */
export async function isTaken(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  try {
    (await Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) }))
      .close();
    return true;
  } catch {
    return false;
  }
}

/** Another program may listen on that port: accept only what looks like a status. */
export function isProcessStatus(value: unknown): value is ProcessStatus {
  return isObject(value) && typeof value.pid === "number" && typeof value.role === "string" &&
    typeof value.version === "string" && Array.isArray(value.notReady) &&
    Array.isArray(value.unhealthy) && isObject(value.config) &&
    Array.isArray(value.config.problems) &&
    (value.speaker === undefined || isSpeakerStatus(value.speaker));
}

function isSpeakerStatus(value: unknown): boolean {
  return isObject(value) && typeof value.node === "string" && Array.isArray(value.addresses) &&
    value.addresses.every((one) =>
      isObject(one) && typeof one.ip === "string" && typeof one.reason === "string" &&
      Array.isArray(one.services)
    );
}

function sockets(): string[] {
  try {
    return [...Deno.readDirSync(RUN_FOLDER)].filter(({ name }) => name.endsWith(".sock"))
      .map(({ name }) => `${RUN_FOLDER}/${name}`).sort();
  } catch {
    return []; // No role has run here.
  }
}
