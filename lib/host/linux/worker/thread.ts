import { type Libc, openLibc, POLL } from "../../../../ffi/libc.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import { openWakeFd, wake } from "../../../../ffi/poll.ts";
import type { Millis } from "../../../base/time.ts";
import type { RequestBody, ThreadReply, ThreadRequest } from "./messages.ts";

/** One of a thread's parts, as this side knows it. */
export interface Part {
  readonly number: number;
  readonly name: string;
  readonly onNews: (news: never) => void;
  readonly onFault: ((error: Error) => void) | undefined;
  readonly onHang: (() => void) | undefined;
  state: "starting" | "running" | "stopping" | "ended";
  fault: string | undefined;
}

/** A Worker whose thread waits in the kernel for all its parts together. */
export interface Thread {
  readonly libc: Libc<typeof POLL>;
  readonly wakeFd: Fd;
  readonly port: MessagePort;
  readonly parts: Map<number, Part>;
  readonly waiting: Map<number, Waiting>;
  /** Settles when it works, or with the reason why it never will. */
  readonly started: Promise<string | undefined>;
  lastNumber: number;
  /** Pings in a row that were not answered. */
  unanswered: number;
  isPinging: boolean;
  /** A question was not answered, and nothing came since. */
  isSilent: boolean;
  /** Why it works no more, and no part of it. */
  fault: string | undefined;
  /** Ends it whatever it does. */
  close(): void;
}

interface Waiting {
  readonly part: Part | undefined;
  settle(outcome: Outcome): void;
}

type Outcome = { readonly answer: unknown } | { readonly refusal: string };

/** A thread that has not answered by then hangs. */
const ANSWER_MS: Millis = 3_000;
/** A busy machine takes its time to load one. */
const START_MS: Millis = 30_000;
/** How often it is asked whether it is there, and how long the answer may take. */
const PING_EVERY_MS: Millis = 1_000;
const PONG_MS: Millis = 1_500;
/** One missed answer may be this thread's own stall; two mean that the Worker hangs. */
const UNANSWERED_LIMIT = 2;

/** Starts the Worker, without parts. @throws Error when libc cannot be opened */
export function openThread(url: URL, name: string): Thread {
  using resources = new DisposableStack();
  const libc = resources.use(openLibc({ ...POLL }));
  const wakeFd = resources.use(openWakeFd(libc));
  const { port1: port, port2: workerPort } = new MessageChannel();
  const worker = new Worker(url, { type: "module", name });
  resources.defer(() => {
    worker.terminate();
    port.close();
  });
  const started = Promise.withResolvers<string | undefined>();
  const pings = setInterval(() => void ping(thread), PING_EVERY_MS);
  resources.defer(() => clearInterval(pings));
  const closing = resources.move();
  const thread: Thread = {
    libc,
    wakeFd,
    port,
    parts: new Map(),
    waiting: new Map(),
    started: started.promise,
    lastNumber: 0,
    unanswered: 0,
    // Not before it has started.
    isPinging: true,
    isSilent: false,
    fault: undefined,
    close: () => closing.dispose(),
  };
  worker.onmessage = ({ data }: MessageEvent<ThreadReply>) => take(thread, data);
  worker.onerror = (event) => {
    event.preventDefault(); // else the whole process would end
    endAll(thread, event.message);
  };
  // The order is in the port before the Worker has the port: the Worker looks once, without waiting.
  const starting = request(thread, { kind: "start", wakeFd: wakeFd.number }, undefined, START_MS);
  worker.postMessage(workerPort, [workerPort]);
  starting.then(() => {
    thread.isPinging = false;
    started.resolve(undefined);
  }, ({ message }: Error) => {
    endAll(thread, message);
    started.resolve(message);
  });
  return thread;
}

/** Asks it for something, for one of its parts or as a whole. @throws Error with the reason, or silence */
export async function request(
  thread: Thread,
  body: RequestBody,
  part: Part | undefined,
  withinMs: Millis = ANSWER_MS,
): Promise<unknown> {
  if (thread.fault !== undefined) throw new Error(thread.fault);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const number = post(thread, body);
  thread.waiting.set(number, { part, settle: resolve });
  const timer = setTimeout(() => {
    thread.isSilent = true;
    resolve({ refusal: "no answer" });
  }, withinMs);
  try {
    const outcome = await promise;
    if ("answer" in outcome) return outcome.answer;
    throw new Error(outcome.refusal);
  } finally {
    clearTimeout(timer);
    thread.waiting.delete(number);
  }
}

/** Posts it, and does not wait for an answer. Gives its number. */
export function post(thread: Thread, body: RequestBody): number {
  const asked: ThreadRequest = { ...body, number: ++thread.lastNumber };
  thread.port.postMessage(asked);
  // The thread waits in the kernel: it looks into its port when this wakes it.
  wake(thread.libc, thread.wakeFd);
  return asked.number;
}

/** Whether it has stopped to answer, though it has not ended. */
export function hangs({ unanswered }: Thread): boolean {
  return unanswered >= UNANSWERED_LIMIT;
}

function take(thread: Thread, reply: ThreadReply): void {
  const { parts, waiting } = thread;
  thread.isSilent = false;
  switch (reply.kind) {
    case "news":
      return parts.get(reply.part)?.onNews(reply.news);
    case "answer":
      return waiting.get(reply.number)?.settle({ answer: reply.answer });
    case "refused":
      return waiting.get(reply.number)?.settle({ refusal: reply.error });
    case "goodbye": {
      const reason = reply.fault ?? "nobody asked it to";
      if (reply.part === undefined) return endAll(thread, reason);
      const part = parts.get(reply.part);
      return part && endPart(thread, part, reason);
    }
  }
}

function endAll(thread: Thread, reason: string): void {
  thread.fault ??= reason;
  for (const { part, settle } of thread.waiting.values()) {
    if (part === undefined) settle({ refusal: reason });
  }
  for (const part of thread.parts.values()) endPart(thread, part, reason);
}

function endPart(thread: Thread, part: Part, reason: string): void {
  const before = part.state;
  part.state = "ended";
  for (const waiting of thread.waiting.values()) {
    if (waiting.part === part) waiting.settle({ refusal: reason });
  }
  if (before !== "running") return;
  part.fault = `${part.name} ended: ${reason}`;
  part.onFault?.(new Error(part.fault));
}

async function ping(thread: Thread): Promise<void> {
  if (thread.isPinging || thread.fault !== undefined) return;
  thread.isPinging = true;
  const tell = () => thread.parts.forEach((part) => part.onHang?.());
  try {
    await request(thread, { kind: "ping" }, undefined, PONG_MS);
    const hung = hangs(thread);
    thread.unanswered = 0;
    if (hung) tell();
  } catch {
    if (++thread.unanswered === UNANSWERED_LIMIT) tell();
  } finally {
    thread.isPinging = false;
  }
}
