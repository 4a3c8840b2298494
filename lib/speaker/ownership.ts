import { unreachable } from "../base/errors.ts";
import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import { SERIES_MS } from "./layer2.ts";
import type {
  Held,
  OwnershipAction,
  OwnershipEvent,
  OwnershipState,
  Wish,
} from "./ownership_state.ts";

/** An old owner waits so long for the new one to answer. */
export const LINGER_MS: Millis = 500;
/** Two that rank by different salts would answer each other's claims without end: one in this time … */
const COUNTER_MS: Millis = 1_000;
/** … and an announcement in this. */
const AGAIN_MS: Millis = 5_000;
/** Had a release been lost, nobody would answer: so the fellow is asked so often … */
const ASK_MS: Millis = 1_200;
/** … and has so long to say that it still answers. */
const ANSWER_MS: Millis = 200;

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
      for (const ip of event.ips) onRelease(state, ip, event.from, now, claims, again);
      break;
    case "fellows":
      onFellows(state, event.names, claims);
      break;
    case "returned":
      for (const held of state.held.values()) if (isOurs(held)) putRight(held, now, again);
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
  contradict(state, now, claims, again);
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
  for (const held of state.held.values()) {
    const { againDue, counterDue, lingersUntil, restsUntil, yielded } = held;
    const due = lingersUntil ?? restsUntil ?? (yielded?.asked ? yielded.until : yielded?.askAt);
    for (const one of [due, againDue, counterDue]) {
      if (one !== undefined && (earliest === undefined || one < earliest)) earliest = one;
    }
  }
  return earliest;
}

/** All that this node claims: what a fellow that comes back must hear. */
export function claimed(state: OwnershipState): Ip[] {
  return [...state.held].filter(([, held]) => isOurs(held)).map(([ip]) => ip);
}

function isOurs({ wish, yielded }: Held): boolean {
  return wish.own && yielded === undefined;
}

/** Whether this node answers, be it for a moment longer. */
export function isAnswered(held: Held): boolean {
  return isOurs(held) || held.lingersUntil !== undefined;
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
        since: now,
        yielded: undefined,
        lingersUntil: undefined,
        countered: new Map(),
        counterDue: undefined,
        againAt: instant(-Infinity),
        againDue: undefined,
        restsUntil: undefined,
      });
      claims.add(ip);
      return;
    }
    if (!held.wish.own) {
      held.since = now;
      claims.add(ip);
    }
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
  const countered = held.countered.get(from);
  if (countered === undefined || now >= after(countered, COUNTER_MS)) {
    held.countered.set(from, now);
    claims.add(ip);
  } else held.counterDue ??= after(countered, COUNTER_MS);
  putRight(held, now, again);
}

/** The other has announced it: what neighbours learnt from that is put right, now and in the end. */
function putRight(held: Held, now: Instant, again: Set<Ip>): void {
  if (now >= after(held.againAt, AGAIN_MS)) {
    held.againAt = now;
    again.add(held.wish.ip);
  }
  held.againDue ??= after(held.againAt, AGAIN_MS);
}

/** What was not said at once, so as not to answer without end, is said now. */
function contradict(
  state: OwnershipState,
  now: Instant,
  claims: Set<Ip>,
  again: Set<Ip>,
): void {
  for (const [ip, held] of state.held) {
    if (held.counterDue !== undefined && now >= held.counterDue) {
      held.counterDue = undefined;
      for (const fellow of held.countered.keys()) held.countered.set(fellow, now);
      if (isOurs(held)) claims.add(ip);
    }
    if (held.againDue !== undefined && now >= held.againDue) {
      held.againDue = undefined;
      held.againAt = now;
      if (isOurs(held)) again.add(ip);
    }
  }
}

function onRelease(
  state: OwnershipState,
  ip: Ip,
  from: string,
  now: Instant,
  claims: Set<Ip>,
  again: Set<Ip>,
): void {
  const held = state.held.get(ip);
  if (held?.yielded?.to === from) {
    held.yielded = undefined;
    claims.add(ip);
    return;
  }
  // In an orderly way it does so as this node begins. Later, both had it: as after a partition.
  if (held !== undefined && isOurs(held) && now >= after(held.since, LINGER_MS)) {
    putRight(held, now, again);
  }
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
