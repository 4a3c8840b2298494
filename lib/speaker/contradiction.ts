import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import type { Held } from "./ownership_state.ts";

// What this node says where another says otherwise. The other may answer it in the same way, so
// each of it has a limit of its own, however many contradict.

/** Two that rank by different salts would answer each other's claims without end: one in this time … */
const COUNTER_MS: Millis = 1_000;
/** … and an announcement in this. */
const AGAIN_MS: Millis = 5_000;
/** Once the other has given it up, one in this. */
const GIVEN_UP_MS: Millis = 1_000;
/** What the other announced before it gave up may reach neighbours so much later. */
const ON_ITS_WAY_MS: Millis = 500;
/** The last one waits until nobody has contradicted for so long, but not for ever. */
const QUIET_MS: Millis = 1_500;

/** What one step says to the fellows and to the neighbours. */
export interface Said {
  readonly claims: Set<Ip>;
  readonly releases: Set<Ip>;
  /** Announced once more. */
  readonly again: Set<Ip>;
  readonly resumed: Ip[];
}

/** Whether it is this node's, and no fellow's that comes first. */
export function isOurs({ wish, yielded }: Held): boolean {
  return wish.own && yielded === undefined;
}

/** A fellow that comes later claims it: it is told so, and neighbours are. */
export function counter(held: Held, now: Instant, said: Said): void {
  const next = after(held.counteredAt, COUNTER_MS);
  if (now >= next) {
    held.counteredAt = now;
    said.claims.add(held.wish.ip);
  } else held.counterDue ??= next;
  putRight(held, now, said);
}

/** The other has announced it: what neighbours learnt from that is put right, now and in the end. */
export function putRight(held: Held, now: Instant, { again }: Said): void {
  if (now >= after(held.againAt, AGAIN_MS)) {
    held.againAt = now;
    again.add(held.wish.ip);
  }
  const quiet = Math.max(after(held.againAt, AGAIN_MS), after(now, QUIET_MS));
  held.againDue = instant(Math.min(quiet, after(held.againAt, 2 * AGAIN_MS)));
}

/** The other gives it up and announces it no more: the last word need not wait for long. */
export function lastWordSoon(held: Held, now: Instant): void {
  const soon = Math.max(after(held.againAt, GIVEN_UP_MS), now);
  held.againDue = instant(Math.min(held.againDue ?? soon, soon));
  held.givenUpAt = now;
}

/** What was not said at once, so as not to answer without end, is said now. */
export function contradict(held: Held, now: Instant, { claims, again }: Said): void {
  if (held.counterDue !== undefined && now >= held.counterDue) {
    held.counterDue = undefined;
    held.counteredAt = now;
    if (isOurs(held)) claims.add(held.wish.ip);
  }
  if (held.againDue !== undefined && now >= held.againDue) {
    // One comes when all is quiet: a frame of the other may be on its way, or in a queue.
    const isEarly = held.givenUpAt !== undefined && now < after(held.givenUpAt, ON_ITS_WAY_MS);
    held.againDue = isEarly ? after(now, GIVEN_UP_MS) : undefined;
    held.givenUpAt = undefined;
    held.againAt = now;
    if (isOurs(held)) again.add(held.wish.ip);
  }
}
