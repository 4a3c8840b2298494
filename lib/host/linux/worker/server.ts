/// <reference lib="deno.worker" />
import { receiveMessageOnPort } from "node:worker_threads";
import { openLibc, POLL } from "../../../../ffi/libc.ts";
import { drain } from "../../../../ffi/poll.ts";
import { DATAGRAM } from "../../../../ffi/udp.ts";
import { errorText } from "../../../base/errors.ts";
import type { ThreadReply, ThreadRequest } from "./messages.ts";
import { prepareWait, type ThreadPart, waitOnce } from "./wait.ts";

/** The runtime's ports are Node's too; only the types do not say so. */
const receive = receiveMessageOnPort as unknown as (
  port: MessagePort,
) => { readonly message: ThreadRequest } | undefined;

type Part = ThreadPart<never, unknown>;
type AnyReply = Exclude<ThreadReply, { kind: "news" }> | {
  readonly kind: "news";
  readonly part: number;
  readonly news: unknown;
};

/** Makes a part; `tell` takes its news. @throws Error when it cannot be had */
type PartMaker = (tell: (news: unknown) => void) => Part;

/** What works in this thread. */
interface Served {
  readonly makers: Readonly<Record<string, PartMaker>>;
  readonly parts: Map<number, Part>;
}

/** The Worker's side of a thread: to be called once, as the module is loaded. */
export function serveThread(makers: Readonly<Record<string, PartMaker>>): void {
  self.onmessage = ({ data: port }: MessageEvent<MessagePort>) => {
    const served: Served = { makers, parts: new Map() };
    try {
      work(served, port);
      say({ kind: "goodbye" });
    } catch (error) {
      say({ kind: "goodbye", fault: errorText(error) });
    } finally {
      for (const part of served.parts.values()) part[Symbol.dispose]();
    }
    port.close();
  };
}

function say(reply: AnyReply): void {
  self.postMessage(reply);
}

function work(served: Served, port: MessagePort): void {
  const { parts } = served;
  const start = take(port);
  if (start?.kind !== "start") throw new TypeError("The Worker was not started");
  using libc = openLibc({ ...POLL, ...DATAGRAM });
  say({ kind: "answer", number: start.number });
  for (let isOver = false; !isOver;) {
    const wait = prepareWait(start.wakeFd, parts.values());
    let changed = false;
    const onFailure = (part: Part, error: unknown) => {
      changed = true;
      giveUp(served, part, error);
    };
    while (!waitOnce(libc, wait, onFailure) && !changed);
    drain(libc, start.wakeFd);
    for (let request = take(port); request !== undefined; request = take(port)) {
      if (request.kind === "end") isOver = true;
      answer(served, request);
    }
  }
}

/** What was posted before the wake is here by now; without waiting for a turn of the event loop. */
function take(port: MessagePort): ThreadRequest | undefined {
  return receive(port)?.message;
}

/** A part that fails ends alone: the others are still waited for. */
function giveUp({ parts }: Served, part: Part, error: unknown): void {
  for (const [number, one] of parts) {
    if (one !== part) continue;
    parts.delete(number);
    part[Symbol.dispose]();
    say({ kind: "goodbye", part: number, fault: errorText(error) });
  }
}

function answer(served: Served, request: ThreadRequest): void {
  const { number } = request;
  try {
    say({ kind: "answer", number, answer: carryOut(served, request) });
  } catch (error) {
    say({ kind: "refused", number, error: errorText(error) });
  }
}

function carryOut({ makers, parts }: Served, request: ThreadRequest): unknown {
  switch (request.kind) {
    case "begin": {
      const { part, name } = request;
      const make = makers[name];
      if (make === undefined) throw new TypeError(`no part is called ${name}`);
      parts.set(part, make((news) => say({ kind: "news", part, news })));
      return undefined;
    }
    case "order":
      return partOf(parts, request.part).carryOut(request.order as never);
    case "stop": {
      using part = partOf(parts, request.part);
      parts.delete(request.part);
      return void part.stop?.();
    }
    default:
      return undefined;
  }
}

function partOf(parts: ReadonlyMap<number, Part>, number: number): Part {
  const part = parts.get(number);
  if (part === undefined) throw new Error("it has ended");
  return part;
}
