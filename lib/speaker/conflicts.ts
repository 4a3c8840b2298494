import { unreachable } from "../base/errors.ts";
import { after, earliest, type Instant, instant, type Millis } from "../base/time.ts";
import type { Mac } from "../net/ethernet.ts";
import type { Ip } from "../net/ip.ts";

/** At most one defending announcement of an address in this time (RFC 5227 §1.1). */
export const DEFEND_INTERVAL_MS: Millis = 10_000;
/** A fellow's frame is quicker than its claim: this node may be about to give the address up … */
const CLAIM_MS: Millis = 100;
/** … else, after a fellow's frames, the last word is ours, once there is quiet … */
const QUIET_MS: Millis = 1_500;
/** … and at most so often, for it may answer in the same way. */
const LAST_WORD_MS: Millis = 5_000;
/** A conflict that goes on is told to people this often. */
const TELL_INTERVAL_MS: Millis = 60_000;
/**
 * A host that nobody knows is judged only then: a fellow's frame is quicker than what gossip and its
 * claim say of it; a member that is missing is tried every 2.4 s, and the others hear of it after that.
 */
export const JUDGE_MS: Millis = 4_000;
/** A host could claim all addresses with a new hardware address each time. */
const MAX_KEPT = 4_096;

export type ConflictEvent =
  /** Another host has one of our addresses in a frame. */
  | { readonly kind: "seen"; readonly ip: Ip; readonly mac: Mac; readonly ifindex: number }
  /**
   * Own hardware addresses and those of fellow speakers, in place of those before; of the reticent among
   * them, which do not tell what they have, some may be missing.
   */
  | {
    readonly kind: "known";
    readonly own: ReadonlySet<Mac>;
    readonly fellows: ReadonlySet<Mac>;
    readonly reticent?: ReadonlySet<Mac>;
  }
  /** A speaker is heard that gossip has not told of: its hardware addresses are not known yet. */
  | { readonly kind: "stranger" }
  /** All that this node announces; what it answers only until another does is no longer its own. */
  | { readonly kind: "owned"; readonly ips: readonly Ip[] }
  | { readonly kind: "tick" };

export type ConflictAction =
  /** Says once more where the address is. */
  | { readonly kind: "defend"; readonly ip: Ip }
  /** So many frames were a fellow speaker's, as after a partition, or a foreign host's. */
  | { readonly kind: "count"; readonly verdict: "split" | "conflict"; readonly frames: number }
  /** Worth a line in the log and an event: a foreign host is new, or was long not told of. */
  | { readonly kind: "tell"; readonly ip: Ip; readonly mac: Mac; readonly ifindex: number };

interface Suspect {
  readonly ip: Ip;
  readonly mac: Mac;
  readonly ifindex: number;
  readonly judgeAt: Instant;
  frames: number;
}

interface Foreign {
  readonly ip: Ip;
  readonly mac: Mac;
  toldAt: Instant;
  seenAt: Instant;
}

/** Which hosts claim our addresses; only {@link step} touches it. */
export interface ConflictState {
  readonly defended: Map<Ip, Instant>;
  /** A fellow had it in a frame: it is defended then, if no claim has come; the earliest first. */
  readonly awaited: Map<Ip, Instant>;
  /** Contradicted since it was defended: it is defended once more then. */
  readonly contradicted: Map<Ip, Instant>;
  /** Not judged yet, in the order in which they will be. */
  readonly suspects: Map<string, Suspect>;
  readonly foreign: Map<string, Foreign>;
  /** When a reticent fellow last had the address in a frame. */
  readonly reticentAt: Map<Ip, Instant>;
  own: ReadonlySet<Mac>;
  fellows: ReadonlySet<Mac>;
  reticent: ReadonlySet<Mac>;
  owned: ReadonlySet<Ip>;
  /** When a speaker that is not known yet was last heard. */
  strangerAt: Instant;
}

/** Begins with no conflict, and nobody known. */
export function createConflicts(): ConflictState {
  return {
    defended: new Map(),
    awaited: new Map(),
    contradicted: new Map(),
    suspects: new Map(),
    foreign: new Map(),
    reticentAt: new Map(),
    own: new Set(),
    fellows: new Set(),
    reticent: new Set(),
    owned: new Set(),
    strangerAt: instant(-Infinity),
  };
}

/**
 * Defends an address at once (RFC 5227 §2.4), and judges who has it when who lives can be known.
 * Total over every event.
 */
export function step(
  state: ConflictState,
  event: ConflictEvent,
  now: Instant,
): ConflictAction[] {
  const actions: ConflictAction[] = [];
  switch (event.kind) {
    case "seen":
      onSeen(state, event, now, actions);
      break;
    case "known":
      state.own = event.own;
      state.fellows = event.fellows;
      state.reticent = event.reticent ?? state.reticent;
      break;
    case "stranger":
      state.strangerAt = now;
      break;
    case "owned":
      state.owned = new Set(event.ips);
      break;
    case "tick":
      break;
    default:
      return unreachable(event);
  }
  haveLastWord(state, now, actions);
  judge(state, now, actions);
  return actions;
}

/** When the next tick is due; undefined while nothing waits. */
export function nextDeadline(
  { awaited, contradicted, suspects }: ConflictState,
): Instant | undefined {
  const [suspect] = suspects.values();
  const [claim] = awaited.values();
  return earliest(suspect?.judgeAt, claim, ...contradicted.values());
}

/** Hosts that are not judged yet. */
export function suspects({ suspects }: ConflictState): ReadonlySet<Mac> {
  return new Set([...suspects.values()].map(({ mac }) => mac));
}

/** Conflicts of the last minute, for the status. */
export function current(
  { foreign }: ConflictState,
  now: Instant,
): { readonly ip: Ip; readonly mac: Mac }[] {
  return [...foreign.values()].filter((host) => isRecent(host, now))
    .map(({ ip, mac }) => ({ ip, mac }));
}

function onSeen(
  state: ConflictState,
  { ip, mac, ifindex }: ConflictEvent & { readonly kind: "seen" },
  now: Instant,
  actions: ConflictAction[],
): void {
  // The next owner's frame is heard before its claim: to contradict it would mislead the neighbours.
  if (state.own.has(mac) || !state.owned.has(ip)) return;
  if (state.reticent.has(mac)) {
    state.reticentAt.set(ip, now);
    forgetOldest(state.reticentAt);
  }
  defend(state, ip, state.fellows.has(mac), now, actions);
  if (state.fellows.has(mac)) {
    actions.push({ kind: "count", verdict: "split", frames: 1 });
    return;
  }
  const key = `${ip} ${mac}`;
  const foreign = state.foreign.get(key);
  if (foreign !== undefined && isRecent(foreign, now)) {
    return condemn(state, { ip, mac, ifindex, frames: 1 }, now, actions);
  }
  const suspect = state.suspects.get(key);
  if (suspect !== undefined) {
    suspect.frames++;
    return;
  }
  state.suspects.set(key, { ip, mac, ifindex, judgeAt: after(now, JUDGE_MS), frames: 1 });
  forgetOldest(state.suspects);
}

/**
 * Who is nobody's fellow by then is a foreign host, unless a speaker is about that is not known: it may
 * be that one, and may be gone before it is. Who has an address that is not ours is its owner.
 */
function judge(state: ConflictState, now: Instant, actions: ConflictAction[]): void {
  for (const [key, suspect] of state.suspects) {
    if (now < suspect.judgeAt) return;
    state.suspects.delete(key);
    const { ip, judgeAt, mac, frames } = suspect;
    if (state.own.has(mac)) continue;
    const isStrangers = after(state.strangerAt, 2 * JUDGE_MS) >= judgeAt;
    if (state.fellows.has(mac) || isStrangers || isReticents(state, suspect)) {
      actions.push({ kind: "count", verdict: "split", frames });
    } else if (state.owned.has(ip)) condemn(state, suspect, now, actions);
  }
}

/**
 * A speaker that answers out of several cards has each of its frames leave by all of them: where one
 * was its own at that time, the other may be as well.
 */
function isReticents({ reticentAt }: ConflictState, { ip, judgeAt }: Suspect): boolean {
  return after(reticentAt.get(ip) ?? instant(-Infinity), 2 * JUDGE_MS) >= judgeAt;
}

function condemn(
  { foreign }: ConflictState,
  { ip, mac, ifindex, frames }: Omit<Suspect, "judgeAt">,
  now: Instant,
  actions: ConflictAction[],
): void {
  const key = `${ip} ${mac}`;
  const before = foreign.get(key);
  const tell = before === undefined || now >= after(before.toldAt, TELL_INTERVAL_MS);
  foreign.set(key, { ip, mac, toldAt: tell ? now : before.toldAt, seenAt: now });
  forgetOldest(foreign);
  actions.push({ kind: "count", verdict: "conflict", frames });
  if (tell) actions.push({ kind: "tell", ip, mac, ifindex });
}

function isRecent({ seenAt }: Foreign, now: Instant): boolean {
  return now < after(seenAt, TELL_INTERVAL_MS);
}

/**
 * At once, or when a fellow's claim would be here, or when that is allowed again: what neighbours
 * heard last must be right.
 */
function defend(
  { awaited, contradicted, defended }: ConflictState,
  ip: Ip,
  isFellow: boolean,
  now: Instant,
  actions: ConflictAction[],
): void {
  const last = defended.get(ip);
  const next = after(last ?? instant(-Infinity), DEFEND_INTERVAL_MS);
  if (now >= next) {
    defended.set(ip, now);
    forgetOldest(defended);
    contradicted.delete(ip);
    if (isFellow) {
      awaited.set(ip, after(now, CLAIM_MS));
      forgetOldest(awaited);
    } else actions.push({ kind: "defend", ip });
    return;
  }
  if (awaited.has(ip)) return;
  const quiet = Math.max(after(now, QUIET_MS), after(next, LAST_WORD_MS - DEFEND_INTERVAL_MS));
  contradicted.set(ip, isFellow ? instant(Math.min(quiet, next)) : next);
  forgetOldest(contradicted);
}

function haveLastWord(
  { awaited, contradicted, defended, owned }: ConflictState,
  now: Instant,
  actions: ConflictAction[],
): void {
  for (const [ip, due] of awaited) {
    if (now < due) break; // the others came later
    awaited.delete(ip);
    // It is the fellow's by now: nothing was said.
    if (!owned.has(ip)) {
      defended.delete(ip);
      continue;
    }
    actions.push({ kind: "defend", ip });
    // Neighbours may hear the two in the other order.
    contradicted.set(ip, after(now, LAST_WORD_MS));
  }
  for (const [ip, due] of contradicted) {
    if (now < due) continue;
    contradicted.delete(ip);
    if (!owned.has(ip)) continue;
    defended.set(ip, now);
    actions.push({ kind: "defend", ip });
  }
}

/** Keeps the map within its bound. */
function forgetOldest(map: Map<unknown, unknown>): void {
  if (map.size <= MAX_KEPT) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
