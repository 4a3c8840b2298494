import { BPF, mapUpdate } from "../../../ffi/bpf.ts";
import { openLibc } from "../../../ffi/libc.ts";
import type { Instant } from "../../base/time.ts";

/** What somebody renews to show that the process is awake. */
export interface ReplyLeasePlaces {
  readonly table: SharedArrayBuffer;
  /** The kernel responder's map; undefined without one. */
  readonly mapFd: number | undefined;
}

export interface ReplyLease extends Disposable {
  /** Programs answer until then, by the machine's monotonic clock. */
  renew(until: Instant): void;
}

/** The program that answers in the kernel asks this map's one entry before each reply. */
export function openReplyLease(mapFd: number): ReplyLease {
  const libc = openLibc(BPF);
  const key = new Uint8Array(4);
  const value = new Uint8Array(8);
  const view = new DataView(value.buffer);
  return {
    renew(until) {
      view.setBigUint64(0, BigInt(Math.floor(until * 1e6)), true);
      try {
        mapUpdate(libc, mapFd, key, value);
      } catch {
        // The responder that had the map has ended: nothing answers in the kernel any more.
      }
    },
    [Symbol.dispose]: () => libc[Symbol.dispose](),
  };
}
