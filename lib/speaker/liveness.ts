import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { ViewState } from "../gossip/meta.ts";

/** What gossip, heartbeats and this node say of its fellows; only the functions here touch it. */
export interface Liveness {
  readonly self: string;
  /** By gossip, this node included. */
  alive: ReadonlySet<string>;
  /** Of them those that beat, with a number of their process's run. */
  beating: ReadonlyMap<string, number>;
  /** Of them those that run longer than this node. */
  elders: ReadonlySet<string>;
  /** Heard and hearing: they answer notices. */
  readonly up: Set<string>;
  /** Missed by their heartbeat, since when. */
  readonly missed: Map<string, Instant>;
  /** Missed, and gossip has their own word that they can answer. */
  readonly vouched: Set<string>;
  /** They have said goodbye. */
  readonly leaving: Set<string>;
  /** They are heard, and say that they cannot announce. */
  readonly mute: Set<string>;
  /** They say so by gossip: of those that are not heard nothing newer is known. */
  muteByGossip: ReadonlySet<string>;
  /** How current the view of each is that tells of it, by gossip … */
  views: ReadonlyMap<string, ViewState>;
  /** … and which fellows said last, by gossip or heartbeat, that theirs is stale. */
  readonly stale: Set<string>;
  /** Found by gossip and not heard yet, since when. */
  readonly unheard: Map<string, Instant>;
  /** Heard once, and no goodbye since, also when gossip has given them up. */
  readonly met: Set<string>;
  readonly fitness: Fitness;
}

/** What this node says of itself. */
interface Fitness {
  /** Since when it can announce, and knows what; the others are told so. */
  canAnnounceSince: Instant | undefined;
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
const LIVE = ["itself", "heard", "awaited", "gossip alone", "pod alone"] as const;
/** Why a node does not, though gossip or its pod says so. */
const NOT_LIVE = [
  "not heard yet",
  "missed",
  "leaves",
  "cannot announce",
  "leaving",
  "at fault",
  "not in gossip",
] as const;
export type Verdict = typeof LIVE[number] | typeof NOT_LIVE[number];

/** After so long as one that can announce, a node is no newcomer. */
const NEWCOMER_MS: Millis = 3_000;
/** A node that gossip found and no heartbeat reaches by then is believed by gossip alone. */
export const HEAR_MS: Millis = 1_000;

/** When all fellows fall silent at once, gossip has so long to vouch for them: the fault may be here. */
export const ALL_SILENT_MS: Millis = 300;

/** Nodes come and go, and so many are remembered. */
const MAX_MET = 4_096;

/** Begins alone, and unable to announce. */
export function createLiveness(self: string): Liveness {
  return {
    self,
    alive: new Set([self]),
    beating: new Map(),
    elders: new Set(),
    up: new Set(),
    missed: new Map(),
    vouched: new Set(),
    leaving: new Set(),
    mute: new Set(),
    muteByGossip: new Set(),
    views: new Map(),
    stale: new Set(),
    unheard: new Map(),
    met: new Set(),
    fitness: { canAnnounceSince: undefined, leaving: false, problem: undefined },
  };
}

/** What gossip tells of members. */
export interface GossipView {
  readonly alive: ReadonlySet<string>;
  /** Of those alive, who beat, with the number of their process's run. */
  readonly beating: ReadonlyMap<string, number>;
  /** Of those who beat, who run longer than this node. */
  readonly elders: ReadonlySet<string>;
  /** Of those who beat, who cannot announce. */
  readonly mute: ReadonlySet<string>;
  /** Of those who beat, how current their view of the cluster is, where they tell. */
  readonly views: ReadonlyMap<string, ViewState>;
}

/** Takes over what gossip tells; gives whether a speaker came that does not beat: that one hands nothing over. */
export function setMembers(
  liveness: Liveness,
  { alive, beating, elders, mute: muteByGossip, views }: GossipView,
  now: Instant,
): boolean {
  const { self, up, missed, vouched, leaving, mute, stale, unheard } = liveness;
  const came = alive.difference(liveness.alive);
  liveness.alive = alive;
  const { beating: before, views: viewsBefore } = liveness;
  liveness.beating = beating;
  liveness.elders = elders;
  liveness.muteByGossip = muteByGossip;
  liveness.views = views;
  for (const names of [up, missed, vouched, leaving, mute, stale, unheard]) {
    for (const name of names.keys()) if (!beating.has(name)) names.delete(name);
  }
  for (const name of beating.keys()) {
    // The heartbeat tells it sooner, so what gossip tells counts when it is news.
    const view = views.get(name);
    if (view === viewsBefore.get(name) || name === self) continue;
    if (view === "stale") stale.add(name);
    else stale.delete(name);
  }
  for (const [name, boot] of beating) {
    // An earlier run's goodbye says nothing of this one.
    if (before.get(name) !== boot) leaving.delete(name);
    const known = up.has(name) || missed.has(name) || leaving.has(name) || unheard.has(name);
    if (!known) unheard.set(name, now);
  }
  return [...came].some((name) => name !== self && !beating.has(name));
}

/**
 * A speaker's heartbeat is heard; from here on it says itself whether it can announce. Gives whether it
 * was heard before and went without a goodbye: one of the two was alone, be it an earlier run of it.
 */
export function onUp(
  { up, missed, vouched, leaving, mute, unheard, met }: Liveness,
  name: string,
): boolean {
  up.add(name);
  for (const names of [missed, vouched, leaving, mute, unheard]) names.delete(name);
  const returned = met.delete(name);
  met.add(name);
  const [oldest] = met;
  if (met.size > MAX_MET && oldest !== undefined) met.delete(oldest);
  return returned;
}

/** A speaker's heartbeat is missed. */
export function onDown(
  { up, missed, vouched, unheard }: Liveness,
  name: string,
  now: Instant,
): void {
  for (const names of [up, vouched, unheard]) names.delete(name);
  missed.set(name, now);
}

/** A speaker says that it leaves. */
export function onLeaving({ up, unheard, leaving, met }: Liveness, name: string): void {
  for (const names of [up, unheard, met]) names.delete(name);
  leaving.add(name);
}

/** A speaker that is missed says by gossip that it can answer, or does so no more. */
export function onVouched({ missed, vouched }: Liveness, name: string, answers: boolean): void {
  if (answers && missed.has(name)) vouched.add(name);
  else vouched.delete(name);
}

/** This node can announce, or cannot any more. */
export function setCanAnnounce({ fitness }: Liveness, canAnnounce: boolean, now: Instant): void {
  fitness.canAnnounceSince = canAnnounce ? fitness.canAnnounceSince ?? now : undefined;
}

/** A speaker that is heard says whether it can announce. */
export function onCanAnnounce({ mute }: Liveness, name: string, canAnnounce: boolean): void {
  if (canAnnounce) mute.delete(name);
  else mute.add(name);
}

/** A speaker that is heard says whether its view of the cluster is stale. */
export function onView({ stale: all }: Liveness, name: string, stale: boolean): void {
  if (stale) all.add(name);
  else all.delete(name);
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

/** Whether a fellow lives that can announce: any, or one whose view of the cluster is that. */
export function hasFellow(
  { self, stale, views }: Liveness,
  verdicts: ReadonlyMap<string, Verdict>,
  view?: ViewState,
): boolean {
  const viewOf = (name: string) => stale.has(name) ? "stale" : views.get(name);
  return [...liveNodes(verdicts)].some((name) =>
    name !== self && (view === undefined || viewOf(name) === view)
  );
}

/** Nodes whose speaker's Pod is ready, and that gossip never told of. */
export function unreached(verdicts: ReadonlyMap<string, Verdict>): string[] {
  return [...verdicts].filter(([, verdict]) => verdict === "pod alone").map(([name]) => name);
}

function ownVerdict({ self, alive, fitness }: Liveness): Verdict {
  if (fitness.problem !== undefined) return "at fault";
  if (fitness.leaving) return "leaving";
  if (fitness.canAnnounceSince === undefined) return "cannot announce";
  return alive.has(self) ? "itself" : "not in gossip";
}

function verdictOf(liveness: Liveness, name: string, now: Instant): Verdict {
  const { up, missed, leaving, mute, muteByGossip, unheard } = liveness;
  if (leaving.has(name)) return "leaves";
  // Whoever is heard tells it sooner by its heartbeat.
  if ((up.has(name) ? mute : muteByGossip).has(name)) return "cannot announce";
  if (up.has(name)) return "heard";
  if (missed.has(name)) return isGone(liveness, name, now) ? "missed" : "gossip alone";
  const since = unheard.get(name);
  if (since === undefined || now >= after(since, HEAR_MS)) return "gossip alone";
  return isNewcomerTo(liveness, name, now) ? "awaited" : "not heard yet";
}

/** Whether who is missed is gone: nobody vouches for it, and the fault is not here. */
function isGone(
  { up, missed, vouched }: Liveness,
  name: string,
  now: Instant,
): boolean {
  if (vouched.has(name)) return false;
  const since = missed.get(name) ?? now;
  const alone = up.size === 0 && missed.size > 1;
  return !alone || now >= after(since, ALL_SILENT_MS);
}

/** It is the newcomer that must be heard, so it counts on elders that it does not hear yet. */
function isNewcomerTo(
  { elders, fitness: { canAnnounceSince } }: Liveness,
  name: string,
  now: Instant,
): boolean {
  if (!elders.has(name)) return false;
  return canAnnounceSince === undefined || now < after(canAnnounceSince, NEWCOMER_MS);
}

/** When a verdict may change by itself; undefined: not at all. */
export function nextVerdict({ missed, unheard }: Liveness, now: Instant): Instant | undefined {
  const ends: Instant[] = [];
  for (const since of unheard.values()) ends.push(after(since, HEAR_MS));
  for (const since of missed.values()) ends.push(after(since, ALL_SILENT_MS));
  const ahead = ends.filter((end) => end > now);
  return ahead.length === 0 ? undefined : instant(Math.min(...ahead));
}

function isLive(verdict: Verdict): boolean {
  return LIVE.some((one) => one === verdict);
}
