import type { JsonObject } from "../../lib/model/json.ts";
import { recordedLog } from "./log.ts";
import { waitFor } from "./wait.ts";
import { type KubeClient, openKubeClient } from "../../lib/host/kubernetes/client.ts";
import { systemClock } from "../../lib/host/process/clock.ts";
import type { KubeSettings } from "../../lib/host/kubernetes/kubeconfig.ts";

/** Waits until something holds. @throws Error naming `what` after 15 s */
export async function until(what: string, holds: () => boolean): Promise<void> {
  await waitFor(what, holds, { everyMs: 5 });
}

/** A web server on loopback that plays an API server. */
export interface MockApi {
  readonly url: string;
  /** `METHOD PATH?QUERY` of every request but probes. */
  readonly requests: string[];
  /** The Authorization header of each of them. */
  readonly authorizations: (string | null)[];
  close(): Promise<void>;
}

export type Answer = (url: URL, request: Request) => Response | Promise<Response>;

export function startMockApi(answer: Answer, port = 0): MockApi {
  const requests: string[] = [];
  const authorizations: (string | null)[] = [];
  const stop = new AbortController();
  const server = Deno.serve({
    port,
    hostname: "127.0.0.1",
    signal: stop.signal,
    onListen: () => {},
  }, async (request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/readyz") {
      requests.push(`${request.method} ${url.pathname}${url.search}`);
      authorizations.push(request.headers.get("authorization"));
    }
    return await answer(url, request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    authorizations,
    async close() {
      stop.abort();
      await server.finished;
    },
  };
}

/** A watch that the test feeds. */
export interface FedWatch {
  readonly response: Response;
  send(type: string, object: unknown): void;
  sendBytes(bytes: Uint8Array): void;
  end(): void;
}

export function fedWatch(onCancel: () => void = () => {}): FedWatch {
  let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      feed = controller;
    },
    cancel: onCancel,
  });
  const encoder = new TextEncoder();
  return {
    response: new Response(stream, { headers: { "content-type": "application/json" } }),
    send: (type, object) => feed?.enqueue(encoder.encode(`${JSON.stringify({ type, object })}\n`)),
    sendBytes: (bytes) => feed?.enqueue(bytes),
    end: () => feed?.close(),
  };
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers });
}

/** An API server's error object. */
export function status(
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return json({ kind: "Status", status: "Failure", code, message }, code, headers);
}

/** A ServiceList at a version. */
export function serviceList(
  items: readonly unknown[] | null,
  resourceVersion: string,
  next?: string,
): Response {
  return json({ kind: "ServiceList", metadata: { resourceVersion, continue: next }, items });
}

export function service(name: string, resourceVersion: string, uid = `uid-${name}`): JsonObject {
  return {
    metadata: { name, namespace: "default", uid, resourceVersion },
    spec: { type: "LoadBalancer" },
  };
}

/** Settings for a mock: no TLS, a fixed token. */
export function mockSettings(url: string, token: KubeSettings["token"]): KubeSettings {
  return { server: url, origin: "test", authority: undefined, clientPair: undefined, token };
}

export async function mockClient(
  url: string,
  signal: AbortSignal,
  token: KubeSettings["token"] = { kind: "text", text: "secret-token", origin: "test" },
  clock = systemClock,
): Promise<KubeClient> {
  return await openKubeClient(mockSettings(url, token), clock, recordedLog(), signal);
}
