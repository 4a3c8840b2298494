import { after, type Instant, type Millis } from "../base/time.ts";

/** What gossip, heartbeats and this node say of its fellows; only the functions here touch it. */
export interface Liveness {
  readonly self: string;
  /** By gossip, this node included. */
  alive: ReadonlySet<string>;
  /** Heard and hearing: they answer notices. */
  readonly up: Set<string>;
  /** Missed by their heartbeat, or leaving. */
  readonly down: Set<string>;
  /** They say that they cannot announce. */
  readonly mute: Set<string>;
  /** Found by gossip and not heard yet, since when. */
  readonly unheard: Map<string, Instant>;
  readonly fitness: Fitness;
}

/** What this node says of itself. */
interface Fitness {
  /** It can announce, and knows what; the others are told so. */
  canAnnounce: boolean;
  /** It has said goodbye. */
  leaving: boolean;
  /** Why it must not announce. */
  problem: string | undefined;
}

/** What else tells of nodes. */
interface Sightings {
  /** Nodes that gossip has ever told of: about others it says nothing. */
  readonly known: { has(name: string): boolean };
  /** Nodes whose speaker's pod is ready; undefined where no API server tells of pods. */
  readonly pods: ReadonlySet<string> | undefined;
}

/** Why a node lives. */
const LIVE = ["itself", "heard", "gossip alone", "pod alone"] as const;
/** Why a node does not, though gossip or its pod says so. */
const NOT_LIVE = [
  "not heard yet",
  "missed",
  "cannot announce",
  "leaving",
  "at fault",
  "not in gossip",
] as const;
export type Verdict = typeof LIVE[number] | typeof NOT_LIVE[number];

/** A node that gossip found and no heartbeat reaches by then is believed by gossip alone. */
export const HEAR_MS: Millis = 1_000;

/** Begins alone, and unable to announce. */
export function createLiveness(self: string): Liveness {
  return {
    self,
    alive: new Set([self]),
    up: new Set(),
    down: new Set(),
    mute: new Set(),
    unheard: new Map(),
    fitness: { canAnnounce: false, leaving: false, problem: undefined },
  };
}

/** Takes over what gossip tells: which nodes live, and which of them beat. */
export function setMembers(
  liveness: Liveness,
  alive: ReadonlySet<string>,
  beating: ReadonlySet<string>,
  now: Instant,
): void {
  const { up, down, mute, unheard } = liveness;
  liveness.alive = alive;
  for (const names of [up, down, mute, unheard]) {
    for (const name of names.keys()) if (!beating.has(name)) names.delete(name);
  }
  for (const name of beating) {
    if (!up.has(name) && !down.has(name) && !unheard.has(name)) unheard.set(name, now);
  }
}

/** A speaker's heartbeat is heard. */
export function onUp({ up, down, unheard }: Liveness, name: string): void {
  up.add(name);
  down.delete(name);
  unheard.delete(name);
}

/** A speaker is missed, or says that it leaves. */
export function onDown({ up, down, unheard }: Liveness, name: string): void {
  up.delete(name);
  unheard.delete(name);
  down.add(name);
}

/** A speaker says whether it can announce. */
export function onCanAnnounce({ mute }: Liveness, name: string, canAnnounce: boolean): void {
  if (canAnnounce) mute.delete(name);
  else mute.add(name);
}

/**
 * Decides which nodes may own addresses, with the reason for each that anything speaks for. A
 * speaker that starts is heard first, and says itself when it can announce; where no heartbeat
 * comes through, the gossip alone must do. A ready speaker that gossip never reached counts as it
 * does without gossip: two that cannot talk then still name the same owner.
 */
export function judge(
  liveness: Liveness,
  { known, pods }: Sightings,
  now: Instant,
): Map<string, Verdict> {
  const { self, alive } = liveness;
  const verdicts = new Map([[self, ownVerdict(liveness)]]);
  for (const name of alive) if (name !== self) verdicts.set(name, verdictOf(liveness, name, now));
  for (const name of pods ?? []) {
    if (!verdicts.has(name)) verdicts.set(name, known.has(name) ? "not in gossip" : "pod alone");
  }
  return verdicts;
}

/** The nodes that live. */
export function liveNodes(verdicts: ReadonlyMap<string, Verdict>): Set<string> {
  const live = new Set<string>();
  for (const [name, verdict] of verdicts) if (isLive(verdict)) live.add(name);
  return live;
}

function ownVerdict({ self, alive, fitness }: Liveness): Verdict {
  if (fitness.problem !== undefined) return "at fault";
  if (fitness.leaving) return "leaving";
  if (!fitness.canAnnounce) return "cannot announce";
  return alive.has(self) ? "itself" : "not in gossip";
}

function verdictOf(liveness: Liveness, name: string, now: Instant): Verdict {
  const { up, down, mute, unheard } = liveness;
  if (down.has(name)) return "missed";
  if (mute.has(name)) return "cannot announce";
  if (up.has(name)) return "heard";
  const since = unheard.get(name);
  return since !== undefined && now < after(since, HEAR_MS) ? "not heard yet" : "gossip alone";
}

function isLive(verdict: Verdict): boolean {
  return LIVE.some((one) => one === verdict);
}
