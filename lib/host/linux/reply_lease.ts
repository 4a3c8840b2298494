import { BPF, mapUpdate } from "../../../ffi/bpf.ts";
import { openLibc } from "../../../ffi/libc.ts";
import type { Instant } from "../../base/time.ts";

/** Where the reply lease is renewed, which shows that the process is awake. */
export interface ReplyLeasePlaces {
  readonly table: SharedArrayBuffer;
  /** The map of the responder in the kernel; undefined where there is none. */
  readonly mapFd: number | undefined;
}

/** The reply lease of the responder in the kernel. */
export interface ReplyLease extends Disposable {
  /** Programs answer until then, by the machine's clock since it booted. */
  renew(until: Instant): void;
}

/** Opens it; the programs look into this map's one entry before each reply. */
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
