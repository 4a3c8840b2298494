/// <reference lib="deno.worker" />
import { openLibc, POLL, SOCKET } from "../../../ffi/libc.ts";
import { openTable } from "../../arp/table.ts";
import { errorText } from "../../base/errors.ts";
import { answerRequests } from "./packet_loop.ts";

/** What the main thread sends once: descriptors that it owns, and memory that both see. */
export interface PacketWorkerStart {
  readonly packetFd: number;
  readonly wakeFd: number;
  readonly table: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
}

/** What the Worker says: that it begins, and, as its last word, why it ended. */
export type PacketWorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "goodbye"; readonly fault?: string };

function say(message: PacketWorkerMessage): void {
  self.postMessage(message);
}

self.onmessage = ({ data }: MessageEvent<PacketWorkerStart>) => {
  try {
    using libc = openLibc({ ...SOCKET, ...POLL });
    say({ kind: "ready" });
    answerRequests({
      libc,
      packetFd: data.packetFd,
      wakeFd: data.wakeFd,
      table: openTable(data.table),
      progress: new Int32Array(data.progress),
      now: () => performance.now(),
    });
    say({ kind: "goodbye" });
  } catch (error) {
    say({ kind: "goodbye", fault: errorText(error) });
  }
};
