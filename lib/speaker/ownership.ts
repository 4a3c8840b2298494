import { unreachable } from "../base/errors.ts";
import { after, type Instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import { SERIES_MS } from "./layer2.ts";

/** What the election says of an address that this node may have to do with. */
export interface Wish {
  readonly ip: Ip;
  /** The text by which the election ranks; two nodes that disagree are ranked by it. */
  readonly salt: string;
  /** This node is the owner. */
  readonly own: boolean;
  /** The node that is, this one or another; undefined when none is. */
  readonly owner: string | undefined;
  /** This node may answer a little longer, until the new owner does: it can still serve. */
  readonly canLinger: boolean;
}

export type OwnershipEvent =
  /** What changed of the plan; an address that has no Service any more has neither owner nor own. */
  | { readonly kind: "wishes"; readonly wishes: readonly Wish[] }
  | { readonly kind: "claim"; readonly from: string; readonly ips: readonly Ip[] }
  | { readonly kind: "release"; readonly from: string; readonly ips: readonly Ip[] }
  /** Speakers that this node can talk to now; a claim of others would never come. */
  | { readonly kind: "fellows"; readonly names: ReadonlySet<string> }
  /** This node ends: it answers until its addresses are claimed, and wants none any more. */
  | { readonly kind: "leave" }
  | { readonly kind: "tick" };

export type OwnershipAction =
  /**
   * All that this node answers for from now on; those that are quiet it does not announce, those
   * resumed were nobody's since it last answered.
   */
  | {
    readonly kind: "answer";
    readonly ips: readonly Ip[];
    readonly quiet: readonly Ip[];
    readonly resumed?: readonly Ip[];
  }
  | { readonly kind: "claim"; readonly ips: readonly Ip[] }
  | { readonly kind: "release"; readonly ips: readonly Ip[] }
  /** Another node announced it as well: neighbours may have been misled. */
  | { readonly kind: "announce-again"; readonly ips: readonly Ip[] };

interface Held {
  wish: Wish;
  /** This node is silent in favour of a fellow that claims it and comes first. */
  yielded: Yielded | undefined;
  /** Not ours any more, and still answered until then or until another node claims it. */
  lingersUntil: Instant | undefined;
  /** Nobody's since this node answered it: until then neighbours need not be told anew. */
  restsUntil: Instant | undefined;
}

interface Yielded {
  readonly to: string;
  /** The fellow is asked again, by a claim, whether it still answers … */
  askAt: Instant;
  /** … and without an answer until then this node takes the address. */
  until: Instant;
  asked: boolean;
}

/** Which addresses this node answers for; only {@link step} touches it. */
export interface OwnershipState {
  readonly self: string;
  /** Whether the first node comes before the second for a salt. */
  readonly precedes: (one: string, other: string, salt: string) => boolean;
  readonly held: Map<Ip, Held>;
  fellows: ReadonlySet<string>;
}

/** An old owner waits so long for the new one to answer. */
export const LINGER_MS: Millis = 500;
/** Had a release been lost, nobody would answer: so the fellow is asked so often … */
const ASK_MS: Millis = 1_000;
/** … and has so long to say that it still answers. */
const ANSWER_MS: Millis = 200;

export function createOwnership(
  self: string,
  precedes: OwnershipState["precedes"],
): OwnershipState {
  return { self, precedes, held: new Map(), fellows: new Set() };
}

/**
 * Hands addresses over so that one node answers all along. The new owner begins and claims; the
 * old one answers until it hears that. Where two think an address theirs, the one that comes first
 * in the election keeps it and tells the other again. Total over every event.
 */
export function step(
  state: OwnershipState,
  event: OwnershipEvent,
  now: Instant,
): OwnershipAction[] {
  const before = answered(state);
  const quietBefore = lingering(state).join();
  const claims = new Set<Ip>();
  const releases = new Set<Ip>();
  const again = new Set<Ip>();
  const resumed: Ip[] = [];
  switch (event.kind) {
    case "wishes":
      for (const wish of event.wishes) onWish(state, wish, now, claims, releases, resumed);
      break;
    case "claim":
      for (const ip of event.ips) onClaim(state, ip, event.from, now, claims, again);
      break;
    case "release":
      for (const ip of event.ips) onRelease(state, ip, event.from, claims);
      break;
    case "fellows":
      onFellows(state, event.names, claims);
      break;
    case "leave":
      for (const held of state.held.values()) leave(held, now);
      break;
    case "tick":
      break;
    default:
      return unreachable(event);
  }
  endLingering(state, now);
  askAgain(state, now, claims);
  const quiet = lingering(state);
  const changed = quiet.join() !== quietBefore || !sameIps(before, answered(state));
  // A node that falls silent at the claim leaves no gap: the answers begin before it is sent.
  return [
    ...changed
      ? [
        {
          kind: "answer",
          ips: [...answered(state)],
          quiet,
          ...resumed.length > 0 ? { resumed } : {},
        } as const,
      ]
      : [],
    ...claims.size > 0 ? [{ kind: "claim", ips: [...claims] } as const] : [],
    ...releases.size > 0 ? [{ kind: "release", ips: [...releases] } as const] : [],
    ...again.size > 0 ? [{ kind: "announce-again", ips: [...again] } as const] : [],
  ];
}

/** When the next tick is due; undefined while nothing is in the air. */
export function nextDeadline(state: OwnershipState): Instant | undefined {
  let earliest: Instant | undefined;
  for (const { lingersUntil, restsUntil, yielded } of state.held.values()) {
    const due = lingersUntil ?? restsUntil ?? (yielded?.asked ? yielded.until : yielded?.askAt);
    if (due !== undefined && (earliest === undefined || due < earliest)) earliest = due;
  }
  return earliest;
}

/** All that this node claims: what a fellow that comes back must hear. */
export function claimed(state: OwnershipState): Ip[] {
  return [...state.held].filter(([, held]) => held.wish.own && held.yielded === undefined)
    .map(([ip]) => ip);
}

/** Whether this node answers, be it for a moment longer. */
export function isAnswered({ wish, yielded, lingersUntil }: Held): boolean {
  return (wish.own && yielded === undefined) || lingersUntil !== undefined;
}

function answered(state: OwnershipState): Set<Ip> {
  const ips = new Set<Ip>();
  for (const [ip, held] of state.held) if (isAnswered(held)) ips.add(ip);
  return ips;
}

function onWish(
  state: OwnershipState,
  wish: Wish,
  now: Instant,
  claims: Set<Ip>,
  releases: Set<Ip>,
  resumed: Ip[],
): void {
  const { ip } = wish;
  const held = state.held.get(ip);
  if (wish.own) {
    if (held === undefined) {
      state.held.set(ip, {
        wish,
        yielded: undefined,
        lingersUntil: undefined,
        restsUntil: undefined,
      });
      claims.add(ip);
      return;
    }
    if (!held.wish.own) claims.add(ip);
    if (held.restsUntil !== undefined) resumed.push(ip);
    held.wish = wish;
    held.lingersUntil = undefined;
    held.restsUntil = undefined;
    return;
  }
  if (held === undefined) return;
  const answering = isAnswered(held);
  if (held.wish.own) releases.add(ip);
  held.wish = wish;
  held.yielded = undefined;
  // A claim comes only from a fellow; of others nothing is heard, and two would answer.
  const lingers = answering && wish.canLinger && wish.owner !== undefined &&
    state.fellows.has(wish.owner);
  if (lingers) held.lingersUntil ??= after(now, LINGER_MS);
  else if (wish.owner !== undefined) state.held.delete(ip);
  else {
    held.lingersUntil = undefined;
    if (answering) held.restsUntil = after(now, SERIES_MS);
  }
}

function onClaim(
  state: OwnershipState,
  ip: Ip,
  from: string,
  now: Instant,
  claims: Set<Ip>,
  again: Set<Ip>,
): void {
  const held = state.held.get(ip);
  if (held === undefined || from === state.self) return;
  if (!held.wish.own) {
    state.held.delete(ip);
    return;
  }
  if (state.precedes(from, state.self, held.wish.salt)) {
    // It answers, as we did until now: it must hear of that, to put right what we announced.
    if (held.yielded === undefined) claims.add(ip);
    const askAt = after(now, ASK_MS);
    held.yielded = { to: from, askAt, until: after(askAt, ANSWER_MS), asked: false };
    return;
  }
  // Already yielding to another node: that one answers this claim.
  if (held.yielded !== undefined) return;
  claims.add(ip);
  // The other has announced it: what neighbours learnt from that is put right.
  again.add(ip);
}

function onRelease(state: OwnershipState, ip: Ip, from: string, claims: Set<Ip>): void {
  const held = state.held.get(ip);
  if (held?.yielded?.to !== from) return;
  held.yielded = undefined;
  claims.add(ip);
}

function onFellows(state: OwnershipState, names: ReadonlySet<string>, claims: Set<Ip>): void {
  state.fellows = names;
  for (const [ip, held] of [...state.held]) {
    if (held.yielded !== undefined && !names.has(held.yielded.to)) {
      held.yielded = undefined;
      claims.add(ip);
    }
    const { owner } = held.wish;
    if (held.lingersUntil !== undefined && owner !== undefined && !names.has(owner)) {
      state.held.delete(ip);
    }
  }
}

function leave(held: Held, now: Instant): void {
  if (isAnswered(held)) held.lingersUntil ??= after(now, LINGER_MS);
  held.wish = { ...held.wish, own: false, owner: undefined };
  held.yielded = undefined;
}

function askAgain(state: OwnershipState, now: Instant, claims: Set<Ip>): void {
  for (const [ip, held] of state.held) {
    const { yielded } = held;
    if (yielded === undefined || now < yielded.askAt) continue;
    if (!yielded.asked) {
      yielded.asked = true;
      claims.add(ip);
    } else if (now >= yielded.until) held.yielded = undefined;
  }
}

function endLingering(state: OwnershipState, now: Instant): void {
  for (const [ip, held] of [...state.held]) {
    const until = held.lingersUntil ?? held.restsUntil;
    if (until === undefined ? !held.wish.own : now >= until) state.held.delete(ip);
  }
}

/** What another announces soon, or already does. */
function lingering(state: OwnershipState): Ip[] {
  return [...state.held].filter(([, { lingersUntil }]) => lingersUntil !== undefined)
    .map(([ip]) => ip);
}

function sameIps(one: ReadonlySet<Ip>, other: ReadonlySet<Ip>): boolean {
  return one.size === other.size && [...one].every((ip) => other.has(ip));
}
