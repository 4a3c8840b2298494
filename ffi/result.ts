import type { CommonLibc } from "./libc.ts";

/** Names of the error numbers that a person is likely to meet; the same on x86-64 and arm64. */
const ERRNO_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "EPERM, not permitted"],
  [4, "EINTR, interrupted"],
  [6, "ENXIO, no such interface"],
  [9, "EBADF, descriptor closed"],
  [11, "EAGAIN, not ready"],
  [12, "ENOMEM, out of memory"],
  [13, "EACCES, not permitted"],
  [16, "EBUSY, busy"],
  [19, "ENODEV, no such interface"],
  [22, "EINVAL, invalid argument"],
  [23, "ENFILE, too many open files in the system"],
  [24, "EMFILE, too many open files in the process"],
  [97, "EAFNOSUPPORT, not in this kernel"],
  [100, "ENETDOWN, interface down"],
  [99, "EADDRNOTAVAIL, no such address on this machine"],
  [101, "ENETUNREACH, no route"],
  [104, "ECONNRESET, reset by the other side"],
  [105, "ENOBUFS, buffer full"],
  [110, "ETIMEDOUT, no answer"],
  [111, "ECONNREFUSED, nobody listens there"],
  [113, "EHOSTUNREACH, host not reachable"],
]);

/**
 * A call that the kernel refused. `errnoHint` is for people: errno belongs to the thread, and the
 * runtime makes calls between ours, so that no decision may rest on it.
 */
export class OsError extends Error {
  override readonly name = "OsError";
  /** `operation` is the call, `context` on what it was made and what to do. */
  constructor(
    readonly operation: string,
    readonly errnoHint: number,
    readonly context: string,
  ) {
    const reason = errnoHint === 0 ? "" : ` (probably ${errnoName(errnoHint)})`;
    super(`${operation} failed${reason}: ${context}`);
  }
}

/** `ENETDOWN, interface down`, or `errno 71` for numbers that are seldom met. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}

/** Gives the result of a call that was not refused. @throws OsError when it is -1 */
export function checked(
  libc: CommonLibc,
  result: number,
  operation: string,
  context: string,
): number {
  if (result >= 0) return result;
  throw new OsError(operation, libc.errnoHint(), context);
}

/** How often a refused wait is made again: on sound arguments the only cause is a signal. */
export const INTERRUPTIONS = 3;

/** Makes a wait again when a signal ended it. @throws OsError when it is refused each time */
export function uninterrupted(libc: CommonLibc, operation: string, call: () => number): number {
  for (let attempt = 0; attempt < INTERRUPTIONS; attempt++) {
    const result = call();
    if (result >= 0) return result;
  }
  throw new OsError(operation, libc.errnoHint(), `refused ${INTERRUPTIONS} times in a row`);
}
