/// <reference lib="deno.worker" />
import { openLibc, POLL, SOCKET } from "../../../ffi/libc.ts";
import { STREAM } from "../../../ffi/tcp.ts";
import { DATAGRAM } from "../../../ffi/udp.ts";
import { errorText } from "../../base/errors.ts";
import type { BfdEvent, BfdSessionStatus, BfdTarget } from "./bfd.ts";
import { type BfdEngine, createBfdEngine } from "./bfd_loop.ts";

/** What the main thread asks; `number` counts the requests. */
export type BfdRequest =
  & { readonly number: number }
  & (
    | { readonly kind: "start"; readonly wakeFd: number; readonly posted: SharedArrayBuffer }
    | { readonly kind: "targets"; readonly targets: readonly BfdTarget[] }
    | { readonly kind: "admin-down" }
    | { readonly kind: "status" }
    | { readonly kind: "stop" }
  );

/** What the Worker says: `done` answers a request, `goodbye` is its last word. */
export type BfdReply =
  | { readonly kind: "done"; readonly number: number; readonly error?: string }
  | { readonly kind: "status"; readonly number: number; readonly status: BfdSessionStatus[] }
  | { readonly kind: "event"; readonly event: BfdEvent }
  | { readonly kind: "goodbye"; readonly fault?: string };

function say(reply: BfdReply): void {
  self.postMessage(reply);
}

const requests: BfdRequest[] = [];
let arrived: () => void = () => undefined;
self.onmessage = ({ data }: MessageEvent<BfdRequest>) => {
  requests.push(data);
  arrived();
};

function nextRequest(): Promise<void> {
  return requests.length > 0 ? Promise.resolve() : new Promise((resolve) => arrived = resolve);
}

/** Carries out a request; true when it was the last. */
function carryOut(engine: BfdEngine, request: BfdRequest): boolean {
  const { number } = request;
  try {
    if (request.kind === "targets") engine.setTargets(request.targets);
    if (request.kind === "admin-down" || request.kind === "stop") engine.adminDown();
    if (request.kind === "status") say({ kind: "status", number, status: engine.status() });
    else say({ kind: "done", number });
  } catch (error) {
    say({ kind: "done", number, error: errorText(error) });
  }
  return request.kind === "stop";
}

async function work(): Promise<void> {
  await nextRequest();
  const start = requests.shift();
  if (start?.kind !== "start") throw new TypeError("The BFD Worker was not started");
  using libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...DATAGRAM });
  using engine = createBfdEngine(libc, (event) => say({ kind: "event", event }));
  const posted = new Int32Array(start.posted);
  const drained = new Uint8Array(8);
  say({ kind: "done", number: start.number });
  for (let handled = start.number;;) {
    engine.wait(start.wakeFd);
    libc.symbols.read(start.wakeFd, drained, 8n);
    // Each request was posted before the wake, and comes by the event loop, maybe a turn later.
    while (handled < Atomics.load(posted, 0)) {
      await nextRequest();
      const request = requests.shift();
      if (request === undefined) continue;
      handled = request.number;
      if (carryOut(engine, request)) return;
    }
  }
}

work().then(() => say({ kind: "goodbye" }), (error) => {
  say({ kind: "goodbye", fault: errorText(error) });
});
