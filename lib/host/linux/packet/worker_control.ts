import type { Millis } from "../../../base/time.ts";
import type { Conflict } from "./loop.ts";
import type { PacketWorkerMessage, PacketWorkerStart } from "./worker.ts";

/** A Worker that runs; disposing of it wakes it, waits for its goodbye and ends it. */
export interface PacketWorker extends AsyncDisposable {
  running(): boolean;
}

export interface PacketWorkerHooks {
  /** Ends the Worker's wait: a blocking call cannot be interrupted otherwise. */
  readonly wake: () => void;
  readonly onConflict: (conflict: Conflict) => void;
  /** It ended unasked. */
  readonly onFault: (error: Error) => void;
}

/** A Worker that has not said goodbye by then hangs, and is ended without. */
const GOODBYE_MS: Millis = 3_000;

/**
 * Starts the packet Worker and gives it when it works. Its descriptors stay the caller's, who
 * closes them after disposing of this. @throws Error when it cannot be loaded or open libc
 */
export async function startPacketWorker(
  url: URL,
  start: PacketWorkerStart,
  { wake, onConflict, onFault }: PacketWorkerHooks,
): Promise<PacketWorker> {
  const worker = new Worker(url, { type: "module", name: "herald-arp" });
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let state: "starting" | "running" | "stopping" | "ended" = "starting";
  function end(reason: string): void {
    const before = state;
    state = "ended";
    const error = new Error(`Packet Worker ${url.pathname} ended: ${reason}`);
    if (before === "starting") ready.reject(error);
    if (before === "running") onFault(error);
    ended.resolve();
  }
  worker.onmessage = ({ data }: MessageEvent<PacketWorkerMessage>) => {
    if (data.kind === "conflict") return onConflict(data.conflict);
    if (data.kind === "goodbye") return end(data.fault ?? "nobody asked it to");
    state = "running";
    ready.resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault(); // else the whole process would end
    end(event.message);
  };
  worker.postMessage(start);
  try {
    await ready.promise;
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    running: () => state === "running",
    async [Symbol.asyncDispose]() {
      if (state === "running") {
        state = "stopping";
        wake();
        const deadline = setTimeout(ended.resolve, GOODBYE_MS);
        await ended.promise;
        clearTimeout(deadline);
      }
      worker.terminate();
    },
  };
}
