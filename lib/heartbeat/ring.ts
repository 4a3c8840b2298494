import { after, type Instant, instant } from "../base/time.ts";
import type { MonitorState, Peer, Place } from "./monitor_state.ts";

/** So many neighbours on each side that live … */
const EACH_SIDE = 3;
/** … and those between them that are missed: they may only be cut off, and come back. */
const MOST_EACH_SIDE = 8;

/** All speakers that know of the ring, in its order: by a hash, for a rack's names are alike. */
export function ringOf(self: string, peers: Iterable<Peer>): Place[] {
  const ring: Place[] = [{ name: self, at: hashOf(self), peer: undefined }];
  for (const peer of peers) {
    if (peer.inRing) ring.push({ name: peer.name, at: hashOf(peer.name), peer });
  }
  return ring.sort((one, other) => one.at - other.at || (one.name < other.name ? -1 : 1));
}

/** FNV-1a. */
function hashOf(name: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}

/** Whom the speaker of that name beats to, and who watch it. */
export function neighboursOf(ring: readonly Place[], name: string): Place[] {
  const at = ring.findIndex((place) => place.name === name);
  const found = new Set<Place>();
  for (const way of at < 0 ? [] : [1, -1]) {
    let living = 0;
    const most = Math.min(MOST_EACH_SIDE, ring.length - 1);
    for (let far = 1; far <= most && living < EACH_SIDE; far++) {
      const place = ring.at((at + way * far) % ring.length);
      if (place === undefined) continue;
      found.add(place);
      if (place.peer?.state !== "down") living++;
    }
  }
  return [...found];
}

/** Whether there are so many that this node beats to its neighbours alone. */
export function isRinged({ ring, ringBeyond }: MonitorState): boolean {
  return ring.length > ringBeyond;
}

/** Decides anew who is watched; who comes to it has time to begin with its beats. */
export function arrange(state: MonitorState, now: Instant): void {
  const { peers, ring, self, watched } = state;
  state.near = new Set(neighboursOf(ring, self).map(({ name }) => name));
  const before = new Set(watched);
  watched.clear();
  for (const peer of peers.values()) {
    if (peer.ringed && !state.near.has(peer.name)) continue;
    watched.add(peer);
    if (!before.has(peer)) peer.heardAt = instant(Math.max(peer.heardAt, now));
  }
}

/** Whether this node beats to that one, beside what it says to all. */
export function isGivenBeats(
  state: MonitorState,
  { beatUntil, inRing, name }: Peer,
  now: Instant,
): boolean {
  return !isRinged(state) || !inRing || state.near.has(name) || now < beatUntil;
}

/** How long the word of one that misses a speaker counts. */
const VOTE_MS = 1_500;
/** Each word is said so often: a packet may be lost. */
export const SAYINGS = 3;

/** A speaker says that it misses another; gives whether that one is gone. */
export function onMissed(state: MonitorState, peer: Peer, from: string, now: Instant): boolean {
  peer.missedBy.set(from, after(now, VOTE_MS));
  return isMissed(state, peer, now);
}

/**
 * Whether half of those that watch a speaker miss it, and not one alone: one that hears nobody must not take
 * its neighbours from the cluster, and of those that died together none is waited for.
 */
export function isMissed({ ring, self }: MonitorState, peer: Peer, now: Instant): boolean {
  for (const [name, until] of peer.missedBy) if (now >= until) peer.missedBy.delete(name);
  if (peer.missedBy.size === 0) return false;
  const watching = neighboursOf(ring, peer.name).filter((place) =>
    place.name !== self && place.peer?.state !== "down"
  );
  const { size } = peer.missedBy;
  return size >= watching.length / 2 && size >= Math.min(2, watching.length);
}
