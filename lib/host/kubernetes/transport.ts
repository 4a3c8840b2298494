import { errorText } from "../../base/errors.ts";
import type { Instant, Millis } from "../../base/time.ts";
import { isObject, type JsonObject, textOf } from "../../model/json.ts";
import { WRITER } from "../../model/status_manager.ts";
import type { Permit } from "../cluster/cluster.ts";
import { oncePer, parseRetryAfter } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import { type Credentials, readCredentials, sameTls } from "./credentials.ts";
import type { KubeSettings } from "./kubeconfig.ts";
import { textOfBody } from "./response_body.ts";

export interface KubeRequest {
  /** For people, with the object: `patch status of service default/web`. */
  readonly operation: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  /** Path and query after the server's address. */
  readonly path: string;
  readonly body?: JsonObject;
  /** Further headers. */
  readonly fields?: Readonly<Record<string, string>>;
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

/**
 * One connection for requests and one for streams: on a shared one, the answers to a burst of
 * writes hold up the events, and the server ends a watch whose events are not fetched at once.
 */
interface Connections {
  readonly requests: Deno.HttpClient;
  readonly streams: Deno.HttpClient;
}

/** The way to one API server. Updated in place. */
export interface Transport {
  readonly settings: KubeSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly mayComplain: () => boolean;
  credentials: Credentials;
  connections: Connections;
  readAt: Instant;
  reading: Promise<void> | undefined;
}

/** A rotated token or certificate is in use within a minute. */
const CREDENTIALS_AGE_MS = 50_000;

/** Opens the way; it closes when the signal fires. @throws Error when credentials are missing */
export async function openTransport(
  settings: KubeSettings,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<Transport> {
  const credentials = await readCredentials(settings);
  const transport: Transport = {
    settings,
    clock,
    log,
    signal,
    mayComplain: oncePer(60_000, clock.now),
    credentials,
    connections: connect(credentials),
    readAt: clock.now(),
    reading: undefined,
  };
  signal.addEventListener("abort", () => disconnect(transport), { once: true });
  return transport;
}

/**
 * Sends one request; after a 401 once more with the credentials as they are in their files now.
 * @throws NotLeader in place of sending; else the error of the network
 */
export async function send(
  transport: Transport,
  request: KubeRequest,
  over: keyof Connections,
  stop: AbortSignal,
): Promise<Response> {
  await renew(transport, CREDENTIALS_AGE_MS);
  const response = await sendOnce(transport, request, over, stop);
  if (response.status !== 401) return response;
  const before = transport.credentials;
  await renew(transport, 0);
  const { credentials } = transport;
  if (credentials.token === before.token && sameTls(credentials, before)) return response;
  await textOfBody(response, stop);
  return await sendOnce(transport, request, over, stop);
}

/** Takes new connections from now on; requests under way keep the old ones until they end. */
export function reconnect(transport: Transport): void {
  if (transport.signal.aborted) return;
  disconnect(transport);
  transport.connections = connect(transport.credentials);
}

/** Reads the credentials again unless they are younger than that. */
export async function renew(transport: Transport, minimumAgeMs: Millis): Promise<void> {
  if (transport.clock.now() - transport.readAt >= minimumAgeMs) {
    transport.reading ??= readAgain(transport).finally(() => transport.reading = undefined);
  }
  await transport.reading;
}

/** Thrown in place of sending. */
export class NotLeader extends Error {}

/** What an answer that is no success says, in words. */
export function refusal(
  transport: Transport,
  request: KubeRequest,
  { headers, status }: Response,
  text: string,
): KubeFailure {
  if (status < 400) {
    const reason = `HTTP ${status} sends elsewhere, not followed`;
    return failure(transport, request, "answer", reason, status);
  }
  const retryAfterMs = status === 429 || status === 503
    ? parseRetryAfter(headers.get("retry-after"), Date.now())
    : undefined;
  const reason = `HTTP ${status}: ${apiMessage(text)}`;
  return { ...failure(transport, request, "status", reason, status), retryAfterMs };
}

export function failure(
  { settings: { server } }: Transport,
  { operation }: KubeRequest,
  cause: KubeFailure["cause"],
  reason: string,
  status?: number,
): KubeFailure {
  const message = `Cannot ${operation} at ${server}: ${reason}`;
  return { kind: "failure", cause, status, message, retryAfterMs: undefined };
}

/** A role without the verb, not an admission rule's refusal. */
export function isVerbForbidden({ message, status }: KubeFailure, verb: string): boolean {
  return status === 403 && message.includes(`cannot ${verb} resource`);
}

/** The part of a connection's error that says something; the message names the URL already. */
export function networkMistake(error: unknown): string {
  return errorText(error).replace(/^error sending request for url \([^)]*\): /, "")
    .replace(/^client error /, "");
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function sendOnce(
  { connections, credentials: { token }, settings }: Transport,
  { body, fields, method, path, permit }: KubeRequest,
  over: keyof Connections,
  stop: AbortSignal,
): Promise<Response> {
  const text = body && JSON.stringify(body);
  // The last moment: a process that stood still meanwhile leads no more.
  if (permit?.mayBegin() === false) throw new NotLeader();
  return await fetch(`${settings.server}${path}`, {
    method,
    headers: {
      ...fields,
      accept: "application/json",
      "user-agent": WRITER,
      ...token && { authorization: `Bearer ${token}` },
      ...text && {
        "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
      },
    },
    body: text,
    client: connections[over],
    // A redirect would carry the token to whatever server it names.
    redirect: "manual",
    signal: stop,
  });
}

async function readAgain(transport: Transport): Promise<void> {
  const { clock, credentials, log, mayComplain, settings } = transport;
  transport.readAt = clock.now();
  try {
    const next = await readCredentials(settings);
    transport.credentials = next;
    if (sameTls(credentials, next)) return;
    log.info({ reason: settings.origin }, "certificates changed, connecting anew");
    reconnect(transport);
  } catch (error) {
    if (mayComplain()) {
      log.warn({ error: errorText(error) }, "cannot renew credentials, keeping the old ones");
    }
  }
}

/** Makes the two clients; no connection is opened yet. */
function connect({ authority, certificate, key }: Credentials): Connections {
  const caCerts = authority === undefined ? [] : [authority];
  const open = () =>
    certificate !== undefined && key !== undefined
      ? Deno.createHttpClient({ caCerts, cert: certificate, key })
      : Deno.createHttpClient({ caCerts });
  return { requests: open(), streams: open() };
}

/** Closes both; what is under way goes on to its end. */
function disconnect({ connections: { requests, streams } }: Transport): void {
  requests.close();
  streams.close();
}

/** What an error answer says: the API's own message, else the beginning of the text. */
function apiMessage(text: string): string {
  const status = parseJson(text);
  const message = isObject(status) ? textOf(status.message) : undefined;
  return (message ?? text.replace(/\s+/g, " ").trim().slice(0, 200)) || "no reason given";
}
