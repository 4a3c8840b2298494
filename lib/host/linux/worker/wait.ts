import { KERNEL } from "../../../../ffi/constants.ts";
import type { Bytes, Libc } from "../../../../ffi/libc.ts";
import { type PollSet, pollSet, readiness } from "../../../../ffi/poll.ts";
import { INTERRUPTIONS, OsError } from "../../../../ffi/result.ts";
import { type DATAGRAM, TIMESPEC, writeTimespec } from "../../../../ffi/udp.ts";
import type { Millis } from "../../../base/time.ts";

/** Work that shares its thread: it never waits itself, and does a little at a time. */
export interface ThreadPart<Order, Answer> extends Disposable {
  carryOut(order: Order): Answer | undefined;
  /** What is waited for on its behalf; others only after an order. */
  descriptors(): readonly number[];
  /** How long it may be left alone. */
  waitMs(): Millis;
  /**
   * After each wait, whatever ended it: `events` are the bits `POLLIN` … on its descriptor of that
   * place. @throws Error when it can work no more
   */
  turn(events: (place: number) => number): void;
  /** The last thing that it does. */
  stop?(): void;
}

type Part = ThreadPart<never, unknown>;

/** A wait for several parts together, to be made once for as long as their descriptors stay. */
interface Wait {
  readonly set: PollSet;
  readonly timeout: Bytes;
  readonly parts: readonly { readonly part: Part; readonly events: (place: number) => number }[];
  ready: number;
}

/** The wake descriptor's place in the set. */
const WAKE = 0;
const LONGEST_WAIT_MS: Millis = 1_000;

/** Prepares the wait: it ends by the wake descriptor as well. */
export function prepareWait(wakeFd: number, parts: Iterable<Part>): Wait {
  const fds = [wakeFd];
  const placed = [...parts].map((part) => {
    const first = fds.length;
    fds.push(...part.descriptors());
    return { part, events: (place: number) => eventsAt(wait, first + place) };
  });
  const timeout = new Uint8Array(TIMESPEC.size);
  const wait: Wait = { set: pollSet(fds), timeout, parts: placed, ready: 0 };
  return wait;
}

/** A wait that ran out, or that a signal ended, leaves nothing to read in the set. */
function eventsAt({ set, ready }: Wait, place: number): number {
  return ready > 0 ? readiness(set, place) : 0;
}

/**
 * Waits until a descriptor is ready or a part's time has come, and lets each part have its turn;
 * one that fails is handed to `onFailure`, and the others work on. Gives whether the thread was
 * woken. Makes no object while all goes well. @throws OsError when the kernel refuses to wait
 */
export function waitOnce(
  libc: Libc<typeof DATAGRAM>,
  wait: Wait,
  onFailure: (part: Part, error: unknown) => void,
): boolean {
  for (let attempt = 0; attempt <= INTERRUPTIONS; attempt++) {
    let least = LONGEST_WAIT_MS;
    for (const { part } of wait.parts) least = Math.min(least, part.waitMs());
    writeTimespec(wait.timeout, Math.max(0, least));
    wait.ready = libc.symbols.ppoll(wait.set.bytes, wait.set.count, wait.timeout, null);
    for (const { part, events } of wait.parts) {
      try {
        part.turn(events);
      } catch (error) {
        onFailure(part, error);
      }
    }
    if (wait.ready >= 0) return (eventsAt(wait, WAKE) & KERNEL.POLLIN) !== 0;
  }
  throw new OsError("ppoll", 0, `refused ${INTERRUPTIONS} times in a row`);
}
