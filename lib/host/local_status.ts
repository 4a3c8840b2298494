import { RUN_FOLDER } from "./http.ts";
import type { ProcessStatus } from "./status.ts";

const ANSWER_WITHIN_MS = 3000;

/** The statuses of all Herald processes that run on this machine, in any network namespace. */
export async function localStatuses(): Promise<ProcessStatus[]> {
  const found: ProcessStatus[] = [];
  for (const path of sockets()) {
    const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const status = await statusAt("http://localhost", client);
    client.close();
    if (status !== undefined) found.push(status);
  }
  return found;
}

/** The status of a process by its HTTP address, where there is no socket file (in a pod). */
export async function statusAt(
  url: string,
  client?: Deno.HttpClient,
): Promise<ProcessStatus | undefined> {
  try {
    const answer = await fetch(`${url}/status`, {
      client,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return isProcessStatus(answer) ? await answer.json() : undefined;
  } catch {
    return undefined; // A file that a killed process left, or nobody listens.
  }
}

function isProcessStatus(answer: Response): boolean {
  return answer.ok && (answer.headers.get("content-type") ?? "").startsWith("application/json");
}

function sockets(): string[] {
  try {
    return [...Deno.readDirSync(RUN_FOLDER)].filter(({ name }) => name.endsWith(".sock"))
      .map(({ name }) => `${RUN_FOLDER}/${name}`).sort();
  } catch {
    return []; // No role has run here.
  }
}
