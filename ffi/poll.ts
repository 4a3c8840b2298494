import { KERNEL } from "./constants.ts";
import { Fd } from "./fd.ts";
import type { Bytes, Libc, POLL } from "./libc.ts";
import { checked, INTERRUPTIONS, OsError, uninterrupted } from "./result.ts";
import { POLLFD } from "./structs.ts";

/** Descriptors to wait for and, after a wait, what came on each. */
export interface PollSet {
  readonly bytes: Bytes;
  readonly view: DataView;
  readonly count: bigint;
}

/** Waits for input on each descriptor; errors and hang-ups are always reported. */
export function pollSet(fds: readonly number[]): PollSet {
  const bytes = new Uint8Array(fds.length * POLLFD.size);
  const view = new DataView(bytes.buffer);
  fds.forEach((fd, index) => {
    view.setInt32(index * POLLFD.size + POLLFD.fd, fd, true);
    view.setInt16(index * POLLFD.size + POLLFD.events, KERNEL.POLLIN, true);
  });
  return { bytes, view, count: BigInt(fds.length) };
}

/** What the last wait found on the descriptor of that place: bits `POLLIN`, `POLLERR` … */
export function readiness(set: PollSet, index: number): number {
  return set.view.getInt16(index * POLLFD.size + POLLFD.revents, true);
}

/**
 * Waits in this thread, at most `timeoutMs` (-1: for ever, 0: only looks), and gives how many
 * descriptors are ready. Allocates nothing while all goes well. @throws OsError
 */
export function poll(libc: Libc<typeof POLL>, set: PollSet, timeoutMs: number): number {
  const ready = libc.symbols.poll(set.bytes, set.count, timeoutMs);
  if (ready >= 0) return ready;
  return uninterrupted(libc, "poll", () => libc.symbols.poll(set.bytes, set.count, timeoutMs));
}

/**
 * The same without holding this thread up. It holds one of the runtime's few waiting threads and
 * keeps the process alive: put a wake descriptor into the set. @throws OsError
 */
export async function pollElsewhere(libc: Libc<typeof POLL>, set: PollSet): Promise<number> {
  for (let attempt = 0; attempt <= INTERRUPTIONS; attempt++) {
    const ready = await libc.symbols.pollElsewhere(set.bytes, set.count, -1);
    if (ready >= 0) return ready;
  }
  // errno is the other thread's.
  throw new OsError("poll", 0, `refused ${INTERRUPTIONS} times in a row`);
}

/** Opens a descriptor that becomes readable by {@link wake}, which ends a wait. @throws OsError */
export function openWakeFd(libc: Libc<typeof POLL>): Fd {
  const flags = KERNEL.EFD_CLOEXEC | KERNEL.EFD_NONBLOCK;
  return new Fd(libc, checked(libc, libc.symbols.eventfd(0, flags), "eventfd", "to end a wait"));
}

/** Makes a wake descriptor readable until it is drained. @throws OsError */
export function wake(libc: Libc<typeof POLL>, fd: Fd): void {
  const one = new Uint8Array(new BigUint64Array([1n]).buffer);
  checked(libc, libc.symbols.write(fd.number, one, 8n), "write", `wake descriptor ${fd.number}`);
}

/** Makes a wake descriptor unreadable until the next {@link wake}. */
export function drain(libc: Libc<typeof POLL>, fd: number): void {
  libc.symbols.read(fd, new Uint8Array(8), 8n);
}
