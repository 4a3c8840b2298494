import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { oncePer, parseRetryAfter } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import { connect, type Connections, disconnect } from "./connections.ts";
import { readCredentials, sameTls } from "./credentials.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import type { KubeSettings } from "./kubeconfig.ts";
import { isObject, type JsonObject, textOf } from "../../model/json.ts";
import type { Permit } from "../cluster/cluster.ts";
import type { Log } from "../process/log.ts";
import { openRecovery } from "./recovery.ts";
import { openRequestGate } from "./request_gate.ts";
import { chunksOf, textOfBody } from "./response_body.ts";

export interface KubeRequest {
  /** For people, with the object: `patch status of service default/web`. */
  readonly operation: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  /** Path and query after the server's address. */
  readonly path: string;
  readonly body?: JsonObject;
  /** Waits for every other request, and never for long takes a place that one of them needs. */
  readonly background?: boolean;
  /** Goes out at once, past all that wait. */
  readonly urgent?: boolean;
  /** Asked right before anything goes out. */
  readonly permit?: Permit;
  readonly timeoutMs?: Millis;
}

/** Why a request brought nothing. */
export interface KubeFailure {
  readonly kind: "failure";
  /**
   * `answer`: something answered that is no Kubernetes API. `not-leader`: the permit was over, so
   * nothing was sent.
   */
  readonly cause: "status" | "network" | "timeout" | "answer" | "stopped" | "not-leader";
  /** Of HTTP; undefined when there was no answer. */
  readonly status: number | undefined;
  /** Operation, object, server, and what the API said. Never a credential. */
  readonly message: string;
  readonly retryAfterMs: Millis | undefined;
}

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
/** A rotated token or certificate is in use within a minute. */
const CREDENTIALS_AGE_MS = 50_000;
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
  const gate = openRequestGate(REQUESTS_AT_ONCE);
  let credentials = await readCredentials(settings);
  let connections = connect(credentials);
  let readAt = clock.now();
  let reading: Promise<void> | undefined;
  const mayComplain = oncePer(60_000, clock.now);
  const recovery = openRecovery(probe, clock, signal);
  signal.addEventListener("abort", () => disconnect(connections), { once: true });

  function reconnect(): void {
    if (signal.aborted) return;
    // Requests under way keep the old connection until they end.
    disconnect(connections);
    connections = connect(credentials);
  }

  async function readAgain(): Promise<void> {
    readAt = clock.now();
    try {
      const next = await readCredentials(settings);
      const renewed = !sameTls(credentials, next);
      credentials = next;
      if (renewed) {
        log.info({ reason: settings.origin }, "certificates changed, connecting anew");
        reconnect();
      }
    } catch (error) {
      if (mayComplain()) {
        log.warn({ error: errorText(error) }, "cannot renew credentials, keeping the old ones");
      }
    }
  }

  async function renew(minimumAgeMs: Millis): Promise<void> {
    if (clock.now() - readAt >= minimumAgeMs) {
      reading ??= readAgain().finally(() => reading = undefined);
    }
    await reading;
  }

  async function fetchOnce(
    request: KubeRequest,
    over: keyof Connections,
    stop: AbortSignal,
  ): Promise<Response> {
    const body = request.body && JSON.stringify(request.body);
    // The last moment: a process that stood still meanwhile leads no more.
    if (request.permit?.mayBegin() === false) throw new NotLeader();
    return await fetch(`${settings.server}${request.path}`, {
      method: request.method,
      headers: {
        accept: "application/json",
        "user-agent": "herald",
        ...credentials.token && { authorization: `Bearer ${credentials.token}` },
        ...request.body && { "content-type": contentType(request.method) },
      },
      body,
      client: connections[over],
      // A redirect would carry the token to whoever it names.
      redirect: "manual",
      signal: stop,
    });
  }

  /** One request; after a 401 once more with the credentials as they stand in their files now. */
  async function fetchAuthorized(
    request: KubeRequest,
    over: keyof Connections,
    stop: AbortSignal,
  ): Promise<Response> {
    await renew(CREDENTIALS_AGE_MS);
    const response = await fetchOnce(request, over, stop);
    if (response.status !== 401) return response;
    const before = credentials;
    await renew(0);
    if (credentials.token === before.token && sameTls(credentials, before)) return response;
    await textOfBody(response, stop);
    return await fetchOnce(request, over, stop);
  }

  async function attempt<T>(
    request: KubeRequest,
    over: keyof Connections,
    outer: AbortSignal,
    use: (response: Response, deadline: Deadline) => Promise<T | KubeFailure>,
  ): Promise<T | KubeFailure> {
    const timeoutMs = request.timeoutMs ?? request.permit?.withinMs ?? TIMEOUT_MS;
    const deadline = startDeadline(timeoutMs, outer, signal);
    try {
      const response = await fetchAuthorized(request, over, deadline.signal);
      if (response.ok) return await use(response, deadline);
      return refusal(request, response, await textOfBody(response, deadline.signal));
    } catch (error) {
      if (error instanceof NotLeader) return failure(request, "not-leader", "the lead is over");
      if (outer.aborted || signal.aborted) return failure(request, "stopped", "stopped");
      if (deadline.expired()) {
        reconnect();
        return failure(request, "timeout", `no answer within ${timeoutMs / 1000} s`);
      }
      void renew(CREDENTIALS_MIN_AGE_MS);
      return failure(request, "network", networkMistake(errorText(error)));
    } finally {
      deadline.clear();
    }
  }

  function failure(
    request: KubeRequest,
    cause: KubeFailure["cause"],
    reason: string,
    status?: number,
    retryAfterMs?: Millis,
  ): KubeFailure {
    const message = `Cannot ${request.operation} at ${settings.server}: ${reason}`;
    return { kind: "failure", cause, status, message, retryAfterMs };
  }

  function refusal(request: KubeRequest, response: Response, text: string): KubeFailure {
    const { status, headers } = response;
    if (status < 400) {
      return failure(request, "answer", `HTTP ${status} sends elsewhere, not followed`, status);
    }
    const said = apiMessage(text);
    const retryAfterMs = status === 429 || status === 503
      ? parseRetryAfter(headers.get("retry-after"), Date.now())
      : undefined;
    return failure(request, "status", `HTTP ${status}: ${said}`, status, retryAfterMs);
  }

  async function request(request: KubeRequest, stop: AbortSignal): Promise<KubeAnswer> {
    const leave = request.urgent
      ? () => undefined
      : await gate.enter(request.background ?? false, stop);
    if (leave === undefined) return failure(request, "stopped", "stopped");
    try {
      return await attempt<KubeAnswer>(request, "requests", stop, async (response, deadline) => {
        // Always to the end: cancelled bodies in a burst break the shared connection.
        const body = parseJson(await textOfBody(response, deadline.signal));
        if (isObject(body)) return { kind: "ok", body };
        const type = response.headers.get("content-type") ?? "nothing known";
        return failure(
          request,
          "answer",
          `the answer is ${type} and no Kubernetes object; is there a proxy in between?`,
          response.status,
        );
      });
    } finally {
      leave();
    }
  }

  async function probe(): Promise<boolean> {
    const ready = { operation: "probe", method: "GET", path: "/readyz" } as const;
    const answer = await attempt<Response>(
      { ...ready, timeoutMs: PROBE_TIMEOUT_MS },
      "requests",
      signal,
      async (response, deadline) => {
        await textOfBody(response, deadline.signal);
        return response;
      },
    );
    return !isFailure(answer) || !isAway(answer);
  }

  return {
    server: settings.server,
    request,
    stream: (request, stop) =>
      attempt<KubeStream>(request, "streams", stop, (response, deadline) => {
        deadline.handOver();
        return Promise.resolve(
          response.body === null
            ? failure(request, "answer", "the answer has no body", response.status)
            : { kind: "open", chunks: chunksOf(response.body, deadline.signal) },
        );
      }),
    reconnect,
    waitToRetry: (delayMs, { cause, retryAfterMs }, stop) =>
      retryAfterMs === undefined
        ? recovery.wait(delayMs, cause === "network" || cause === "timeout", stop)
        : clock.sleep(delayMs, stop),
  };
}

/** Thrown in place of sending. */
class NotLeader extends Error {}

function isFailure(answer: Response | KubeFailure): answer is KubeFailure {
  return "kind" in answer;
}

/** Whether the server is not there at all, or not yet. */
function isAway({ cause, status }: KubeFailure): boolean {
  return cause === "network" || cause === "timeout" ||
    (status !== undefined && (status === 429 || status > 500));
}

function contentType(method: KubeRequest["method"]): string {
  return method === "PATCH" ? "application/merge-patch+json" : "application/json";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What an error answer says: the API's own message, else the beginning of the text. */
function apiMessage(text: string): string {
  const status = parseJson(text);
  const message = isObject(status) ? textOf(status.message) : undefined;
  return (message ?? text.replace(/\s+/g, " ").trim().slice(0, 200)) || "no reason given";
}

/** The part of a connection error that says something; the URL stands in the message already. */
function networkMistake(text: string): string {
  return text.replace(/^error sending request for url \([^)]*\): /, "").replace(
    /^client error /,
    "",
  );
}
