import { type Instant, instant, type Millis } from "../../base/time.ts";
import type { Endpoint } from "../../gossip/state.ts";
import type { Ip } from "../../net/ip.ts";
import type { Clock } from "../process/clock.ts";

/** Keeps a flood away from the socket for datagrams, as far as the kernel can. */
export interface Guard extends Disposable {
  /** Whether to look at one more packet from an address of no speaker. */
  mayKnock(now: Instant): boolean;
  /** Speakers came or went. */
  sourcesChanged(): void;
  /** How many the kernel kept out since it last gave any, at most once a second. */
  takeKeptOut(now: Instant): number;
}

/** `sources` is where speakers are, as it is when the guard asks. */
export type OpenGuard = (bind: Endpoint, sources: ReadonlySet<Ip>) => Guard;

interface DoorOptions {
  readonly bind: Endpoint;
  readonly clock: Clock;
  /** Without one all are let in. */
  readonly openGuard?: OpenGuard | undefined;
}

/** Who may be at the door, and who was turned away. */
export interface Household {
  /** Where speakers may be: strangers share a few streams, and few of their packets are read. */
  expected(): Iterable<Ip>;
  /** So many datagrams of strangers were not read. */
  onTurnedAway(count: number): void;
}

/** Looks at where a packet comes from before anybody looks into it: that costs least. */
export interface Door extends Disposable {
  /** Whether a speaker may be at that address. */
  expects(from: Ip): boolean;
  /** Whether to read a datagram from there. */
  lets(from: Ip): boolean;
}

/** Members and candidates are read again for an unknown address, and no more often than this. */
const READ_EVERY_MS: Millis = 200;
/** Longer than the second of which the guard tells, however a timer rounds. */
const LOOK_EVERY_MS: Millis = 1_100;

/** Opens it; the socket is bound already. */
export function openDoor({ bind, clock, openGuard }: DoorOptions, household: Household): Door {
  const sources = new Set<Ip>();
  const guard = openGuard?.(bind, sources);
  let readAt = instant(-Infinity);
  let refused = 0;
  let cancelLook: (() => void) | undefined;

  function read(): void {
    const next = new Set(household.expected());
    readAt = clock.now();
    if (next.symmetricDifference(sources).size === 0) return;
    sources.clear();
    for (const ip of next) sources.add(ip);
    guard?.sourcesChanged();
  }

  function look(): void {
    cancelLook = undefined;
    read();
    const count = refused + (guard?.takeKeptOut(clock.now()) ?? 0);
    refused = 0;
    if (count === 0) return;
    household.onTurnedAway(count);
    cancelLook = clock.schedule(LOOK_EVERY_MS, look);
  }

  return {
    expects(from) {
      if (!sources.has(from)) read();
      return sources.has(from);
    },
    lets(from) {
      if (guard === undefined || sources.has(from)) return true;
      const now = clock.now();
      if (now - readAt >= READ_EVERY_MS) read();
      if (sources.has(from) || guard.mayKnock(now)) return true;
      refused++;
      cancelLook ??= clock.schedule(LOOK_EVERY_MS, look);
      return false;
    },
    [Symbol.dispose]() {
      cancelLook?.();
      guard?.[Symbol.dispose]();
    },
  };
}
