import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Peer } from "./monitor_state.ts";

/** A beat that is late by a tenth is asked for: where nobody listens any more, the kernel says so. */
const PROBE_BEATS = 1.1;
/** Heard within so many intervals counts as alive when others ask, unless its kernel says no … */
const LATELY_BEATS = 1.5;
/** … so nobody asks them before each of them has asked that kernel, though the beat came later there. */
const REFUSED_BEATS = 1.4;
/** Who was heard after a refusal is behind a filter that refuses: for so long that is no sign. */
const DISTRUST_MS: Millis = 60_000;

/** The peer's kernel says that nobody listens: the process is gone, or a filter says so in its place. */
export function onRefused(peer: Peer | undefined, now: Instant): void {
  if (peer === undefined) return;
  // Where the peer itself was asked too, this is its answer.
  peer.asking?.open.delete(peer.name);
  if (now >= peer.distrustedUntil) peer.refused = true;
}

/** It lives: whatever refused our packets was not its kernel. */
export function onSignOfLife(peer: Peer, now: Instant): void {
  if (peer.refused && peer.state === "up") peer.distrustedUntil = after(now, DISTRUST_MS);
  peer.refused = false;
}

/** Whether to vouch for it when another misses it: had it died then, nobody would have heard it since. */
export function wasHeardLately({ heardAt, intervalMs, refused }: Peer, now: Instant): boolean {
  return !refused && now - heardAt < LATELY_BEATS * intervalMs;
}

/** When it is asked itself, once for each beat that is late. */
export function probeAt({ heardAt, intervalMs, isProbed, refused }: Peer): Instant {
  return isProbed || refused ? instant(Infinity) : after(heardAt, PROBE_BEATS * intervalMs);
}

/** When others are asked; sooner about a peer whose kernel refused a packet. */
export function suspectAt({ heardAt, intervalMs, multiplier, refused }: Peer): Instant {
  return after(heardAt, intervalMs * (refused ? REFUSED_BEATS : multiplier));
}
