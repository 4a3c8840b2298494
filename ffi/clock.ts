import { KERNEL } from "./constants.ts";
import type { Libc } from "./libc.ts";
import { TIMESPEC } from "./udp.ts";

/** The machine's own clock: the same in every thread, unlike `performance.now()`. */
export const CLOCK = {
  // int clock_gettime(clockid_t clock, struct timespec *time)
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Makes a reader of CLOCK_BOOTTIME in milliseconds, which allocates nothing for each reading. It never
 * goes back, and goes on while the machine is suspended: deadlines that others rely on pass all the same.
 */
export function bootClock(libc: Libc<typeof CLOCK>): () => number {
  const time = new Uint8Array(TIMESPEC.size);
  const words = new Uint32Array(time.buffer);
  return () => {
    libc.symbols.clock_gettime(KERNEL.CLOCK_BOOTTIME, time);
    // 2^32 seconds of uptime are far away: the low words are enough.
    return (words[TIMESPEC.seconds / 4] ?? 0) * 1000 + (words[TIMESPEC.nanoseconds / 4] ?? 0) / 1e6;
  };
}
