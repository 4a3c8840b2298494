import { openLibc, POLL } from "../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../ffi/poll.ts";
import type { Millis } from "../../base/time.ts";
import type { BfdState } from "../../bfd/packet.ts";
import type { BfdProfile } from "../../config/types.ts";
import type { Ip } from "../../net/ip.ts";
import type { BfdReply, BfdRequest } from "./bfd_worker.ts";

/** A peer to watch. */
export interface BfdTarget {
  readonly key: string;
  readonly peerAddress: Ip;
  readonly sourceAddress: Ip | undefined;
  readonly interfaceName: string | undefined;
  readonly multihop: boolean;
  readonly profile: BfdProfile;
}

/** A session changed its state. */
export interface BfdEvent {
  readonly key: string;
  readonly state: BfdState;
  readonly previous: BfdState;
  readonly diagnostic: number;
  /** The peer said AdminDown: no failure of the path. */
  readonly peerAdminDown: boolean;
}

export interface BfdSessionStatus {
  readonly key: string;
  readonly state: BfdState;
  readonly diagnostic: number;
  readonly remoteDiscriminator: number;
  readonly transmitIntervalMs: Millis;
  readonly detectionTimeMs: Millis;
  readonly controlPacketsInput: number;
  readonly controlPacketsOutput: number;
  readonly upEvents: number;
  readonly downEvents: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** BFD in a thread of its own: a busy main thread delays no packet. */
export interface Bfd extends AsyncDisposable {
  /** In place of those before: equal ones go on, others begin, or end with AdminDown. */
  setTargets(targets: readonly BfdTarget[]): Promise<void>;
  /** Tells each peer AdminDown: a stop is no failure. */
  adminDown(): Promise<void>;
  status(): Promise<readonly BfdSessionStatus[]>;
}

export interface BfdOptions {
  readonly workerUrl: URL;
  readonly onEvent: (event: BfdEvent) => void;
  /** The Worker ended unasked. */
  readonly onFault: (error: Error) => void;
}

/** A Worker that has not answered by then hangs. */
const ANSWER_MS: Millis = 3_000;

type Unnumbered<T> = T extends unknown ? Omit<T, "number"> : never;

/** Starts the Worker, without sessions. @throws Error when it cannot be loaded or open libc */
export async function startBfd(options: BfdOptions): Promise<Bfd> {
  using resources = new DisposableStack();
  const libc = resources.use(openLibc({ ...POLL }));
  const wakeFd = resources.use(openWakeFd(libc));
  const posted = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(options.workerUrl, { type: "module", name: "herald-bfd" });
  resources.defer(() => worker.terminate());
  const waiting = new Map<number, (reply: BfdReply) => void>();
  let state: "running" | "stopping" | "ended" = "running";

  function end(reason: string): void {
    const before = state;
    state = "ended";
    for (const settle of waiting.values()) settle({ kind: "goodbye", fault: reason });
    waiting.clear();
    if (before === "running") options.onFault(new Error(`BFD Worker ended: ${reason}`));
  }
  worker.onmessage = ({ data }: MessageEvent<BfdReply>) => {
    if (data.kind === "event") return options.onEvent(data.event);
    if (data.kind === "goodbye") return end(data.fault ?? "nobody asked it to");
    waiting.get(data.number)?.(data);
    waiting.delete(data.number);
  };
  worker.onerror = (event) => {
    event.preventDefault(); // else the whole process would end
    end(event.message);
  };

  async function ask(request: Unnumbered<BfdRequest>): Promise<BfdReply> {
    if (state === "ended") return { kind: "goodbye", fault: "the Worker has ended" };
    const number = Atomics.add(posted, 0, 1) + 1;
    const { promise, resolve } = Promise.withResolvers<BfdReply>();
    waiting.set(number, resolve);
    worker.postMessage({ ...request, number });
    wake(libc, wakeFd);
    const timer = setTimeout(() => resolve({ kind: "goodbye", fault: "no answer" }), ANSWER_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(number);
    }
  }

  async function order(request: Unnumbered<BfdRequest>): Promise<void> {
    const reply = await ask(request);
    const error = reply.kind === "done"
      ? reply.error
      : reply.kind === "goodbye"
      ? reply.fault
      : undefined;
    if (error !== undefined) throw new Error(`BFD: ${error}`);
  }

  await order({ kind: "start", wakeFd: wakeFd.number, posted: posted.buffer });
  const closing = resources.move();
  return {
    setTargets: (targets) => order({ kind: "targets", targets }),
    adminDown: () => order({ kind: "admin-down" }),
    async status() {
      const reply = await ask({ kind: "status" });
      return reply.kind === "status" ? reply.status : [];
    },
    async [Symbol.asyncDispose]() {
      if (state === "running") {
        const stopped = ask({ kind: "stop" });
        state = "stopping";
        await stopped;
      }
      closing.dispose();
    },
  };
}
