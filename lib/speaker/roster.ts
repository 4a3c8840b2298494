import { after, type Instant, type Millis } from "../base/time.ts";

/** Which speakers live, by gossip and by heartbeat; only its functions touch it. */
export interface Roster {
  readonly self: string;
  /** By gossip, this node included. */
  alive: ReadonlySet<string>;
  /** Heard and hearing. */
  readonly up: Set<string>;
  /** Missed by their heartbeat, or leaving. */
  readonly down: Set<string>;
  /** They say that they cannot announce. */
  readonly mute: Set<string>;
  /** Found by gossip and not heard yet, since when. */
  readonly unheard: Map<string, Instant>;
  /** This node can announce, and knows what. */
  canAnnounce: boolean;
}

/** Whom gossip found and the heartbeat does not reach by then is believed by gossip alone. */
export const HEAR_MS: Millis = 1_000;

/** Begins alone, and unable to announce. */
export function createRoster(self: string): Roster {
  return {
    self,
    alive: new Set([self]),
    up: new Set(),
    down: new Set(),
    mute: new Set(),
    unheard: new Map(),
    canAnnounce: false,
  };
}

/** Takes over what gossip tells: who lives, and who of them beats. */
export function setMembers(
  roster: Roster,
  alive: ReadonlySet<string>,
  beating: ReadonlySet<string>,
  now: Instant,
): void {
  roster.alive = alive;
  for (const set of [roster.up, roster.down, roster.mute, roster.unheard]) {
    for (const name of set.keys()) if (!beating.has(name)) set.delete(name);
  }
  for (const name of beating) {
    if (roster.up.has(name) || roster.down.has(name) || roster.unheard.has(name)) continue;
    roster.unheard.set(name, now);
  }
}

/** A speaker's heartbeat is heard. */
export function onUp(roster: Roster, name: string): void {
  roster.up.add(name);
  roster.down.delete(name);
  roster.unheard.delete(name);
}

/** A speaker is missed, or says that it leaves. */
export function onDown(roster: Roster, name: string): void {
  roster.up.delete(name);
  roster.unheard.delete(name);
  roster.down.add(name);
}

/** A speaker says whether it can announce. */
export function onCanAnnounce(roster: Roster, name: string, canAnnounce: boolean): void {
  if (canAnnounce) roster.mute.delete(name);
  else roster.mute.add(name);
}

/**
 * Nodes that may own addresses. Who starts is heard first, and says itself when it can announce;
 * where no heartbeat comes through, the gossip alone must do.
 */
export function liveNodes(roster: Roster, now: Instant): Set<string> {
  const live = new Set(roster.alive);
  for (const name of [...roster.down, ...roster.mute]) live.delete(name);
  for (const [name, since] of roster.unheard) {
    if (now < after(since, HEAR_MS)) live.delete(name);
  }
  if (!roster.canAnnounce) live.delete(roster.self);
  return live;
}
