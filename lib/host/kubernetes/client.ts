import type { Millis } from "../../base/time.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import type { KubeSettings } from "./kubeconfig.ts";
import { openRecovery } from "./recovery.ts";
import { openRequestGate } from "./request_gate.ts";
import { chunksOf, textOfBody } from "./response_body.ts";
import {
  failure,
  type KubeFailure,
  type KubeRequest,
  networkMistake,
  NotLeader,
  openTransport,
  parseJson,
  reconnect,
  refusal,
  renew,
  send,
  type Transport,
} from "./transport.ts";

export type KubeAnswer = { readonly kind: "ok"; readonly body: JsonObject } | KubeFailure;
export type KubeStream =
  | { readonly kind: "open"; readonly chunks: AsyncIterable<Uint8Array> }
  | KubeFailure;

/** Requests to one API server. Nothing here throws. */
export interface KubeClient {
  readonly server: string;
  request(request: KubeRequest, signal: AbortSignal): Promise<KubeAnswer>;
  /** Opens a stream that is not counted among the requests; it lasts until its signal fires. */
  stream(request: KubeRequest, signal: AbortSignal): Promise<KubeStream>;
  /** Takes a new connection from now on: the present one may lead nowhere without an error. */
  reconnect(): void;
  /** Waits before the next try, less when the server was away and is back. */
  waitToRetry(delayMs: Millis, failure: KubeFailure, signal: AbortSignal): Promise<void>;
}

/** How many requests run at once; a server allows about 100 streams on one connection. */
const REQUESTS_AT_ONCE = 50;
const TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 2_000;
/** After an error of the network the credentials are read again, but not more often. */
const CREDENTIALS_MIN_AGE_MS = 5_000;

/**
 * Opens a client; it closes when the signal fires. No request is made yet.
 * @throws Error when credentials are missing or refused
 */
export async function openKubeClient(
  settings: KubeSettings,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<KubeClient> {
  const transport = await openTransport(settings, clock, log, signal);
  const gate = openRequestGate(REQUESTS_AT_ONCE);
  const recovery = openRecovery(() => probe(transport), clock, signal);
  return {
    server: settings.server,
    async request(request, stop) {
      const leave = request.urgent
        ? () => undefined
        : await gate.enter(request.background ?? false, stop);
      if (leave === undefined) return failure(transport, request, "stopped", "stopped");
      try {
        return await attempt(
          transport,
          request,
          "requests",
          stop,
          (response, deadline) => answerOf(transport, request, response, deadline),
        );
      } finally {
        leave();
      }
    },
    stream: (request, stop) =>
      attempt<KubeStream>(transport, request, "streams", stop, (response, deadline) => {
        deadline.handOver();
        return Promise.resolve(
          response.body === null
            ? failure(transport, request, "answer", "the answer has no body", response.status)
            : { kind: "open", chunks: chunksOf(response.body, deadline.signal) },
        );
      }),
    reconnect: () => reconnect(transport),
    waitToRetry: (delayMs, { cause, retryAfterMs }, stop) =>
      retryAfterMs === undefined
        ? recovery.wait(delayMs, cause === "network" || cause === "timeout", stop)
        : clock.sleep(delayMs, stop),
  };
}

/** One request within its time. */
async function attempt<T>(
  transport: Transport,
  request: KubeRequest,
  over: "requests" | "streams",
  stop: AbortSignal,
  use: (response: Response, deadline: Deadline) => Promise<T | KubeFailure>,
): Promise<T | KubeFailure> {
  const timeoutMs = request.timeoutMs ?? request.permit?.withinMs ?? TIMEOUT_MS;
  const deadline = startDeadline(timeoutMs, stop, transport.signal);
  const failed = (cause: KubeFailure["cause"], reason: string) =>
    failure(transport, request, cause, reason);
  try {
    const response = await send(transport, request, over, deadline.signal);
    if (response.ok) return await use(response, deadline);
    const text = await textOfBody(response, deadline.signal);
    return refusal(transport, request, response, text);
  } catch (error) {
    if (error instanceof NotLeader) return failed("not-leader", "the lead is over");
    if (stop.aborted || transport.signal.aborted) return failed("stopped", "stopped");
    if (deadline.expired()) {
      reconnect(transport);
      return failed("timeout", `no answer within ${timeoutMs / 1000} s`);
    }
    void renew(transport, CREDENTIALS_MIN_AGE_MS);
    return failed("network", networkMistake(error));
  } finally {
    deadline.clear();
  }
}

async function answerOf(
  transport: Transport,
  request: KubeRequest,
  response: Response,
  { signal }: Deadline,
): Promise<KubeAnswer> {
  // Always to the end: cancelled bodies in a burst break the shared connection.
  const body = parseJson(await textOfBody(response, signal));
  if (isObject(body)) return { kind: "ok", body };
  const type = response.headers.get("content-type") ?? "nothing known";
  const reason = `the answer is ${type} and no Kubernetes object; is there a proxy in between?`;
  return failure(transport, request, "answer", reason, response.status);
}

/** Whether the server is there, and not busy with its start or end. */
async function probe(transport: Transport): Promise<boolean> {
  const request: KubeRequest = {
    operation: "probe",
    method: "GET",
    path: "/readyz",
    timeoutMs: PROBE_TIMEOUT_MS,
  };
  const answer = await attempt<undefined>(
    transport,
    request,
    "requests",
    transport.signal,
    async (response, { signal }) => void await textOfBody(response, signal),
  );
  if (answer === undefined) return true;
  const { cause, status } = answer;
  const away = cause === "network" || cause === "timeout" ||
    (status !== undefined && (status === 429 || status > 500));
  return !away;
}
