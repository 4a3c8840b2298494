/// <reference lib="deno.worker" />
import { CLOCK, monotonicClock } from "../../../../ffi/clock.ts";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { openTable } from "../../../neighbour/table.ts";
import { errorText } from "../../../base/errors.ts";
import { answerRequests, type Conflict } from "./loop.ts";
import type { PacketProtocol } from "./socket.ts";

/** What the main thread sends once: descriptors that it owns, and memory that both see. */
export interface PacketWorkerStart {
  readonly packetFds: Readonly<Record<PacketProtocol, number>>;
  readonly wakeFd: number;
  readonly table: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
}

/** What the Worker says: that it begins, who claims our addresses, and, last, why it ended. */
export type PacketWorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "conflict"; readonly conflict: Conflict }
  | { readonly kind: "goodbye"; readonly fault?: string };

function say(message: PacketWorkerMessage): void {
  self.postMessage(message);
}

self.onmessage = ({ data }: MessageEvent<PacketWorkerStart>) => {
  try {
    using libc = openLibc({ ...SOCKET, ...POLL, ...CLOCK });
    say({ kind: "ready" });
    answerRequests({
      libc,
      packetFds: data.packetFds,
      wakeFd: data.wakeFd,
      table: openTable(data.table),
      progress: new Int32Array(data.progress),
      now: monotonicClock(libc),
      onConflict: (conflict) => say({ kind: "conflict", conflict }),
    });
    say({ kind: "goodbye" });
  } catch (error) {
    say({ kind: "goodbye", fault: errorText(error) });
  }
};
