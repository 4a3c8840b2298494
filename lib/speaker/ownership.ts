import { unreachable } from "../base/errors.ts";
import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import { contradict, counter, isOurs, lastWordSoon, putRight, type Said } from "./contradiction.ts";
import { SERIES_MS } from "./layer2.ts";
import {
  type Held,
  keepsFrom,
  type OwnershipAction,
  type OwnershipEvent,
  type OwnershipState,
  type Wish,
} from "./ownership_state.ts";

/** An old owner waits so long for the new one to answer. */
export const LINGER_MS: Millis = 500;
/** One that ends waits longer, for a busy machine's sake: there is nothing better that it could do. */
export const LEAVE_MS: Millis = 1_500;
/** One that comes back may be the owner: this node's last word would be the wrong one, so its claim comes first. */
const RETURN_MS: Millis = 200;
/** Had a release been lost, nobody would answer: so the fellow is asked so often … */
const ASK_MS: Millis = 1_200;
/** … and has so long to say that it still answers. */
const ANSWER_MS: Millis = 200;

/**
 * Hands addresses over so that one node answers all along. The new owner begins and claims; the
 * old one answers until it hears that. Where two think an address theirs, the one that sees newer
 * things keeps it, else the first in the election, and tells the other again. Total over every event.
 */
export function step(
  state: OwnershipState,
  event: OwnershipEvent,
  now: Instant,
): OwnershipAction[] {
  const before = answered(state);
  const quietBefore = lingering(state).join();
  const said: Said = { claims: new Set(), releases: new Set(), again: new Set(), resumed: [] };
  switch (event.kind) {
    case "wishes":
      for (const wish of event.wishes) onWish(state, wish, now, said);
      break;
    case "claim":
      for (const ip of event.ips) onClaim(state, ip, event.from, now, said);
      break;
    case "release":
      for (const ip of event.ips) onRelease(state, ip, event.from, now, said);
      break;
    case "fellows":
      onFellows(state, event.names, said);
      break;
    case "returned":
      for (const held of state.held.values()) held.returnedDue ??= after(now, RETURN_MS);
      break;
    case "stale":
      onStale(state, event.names, said);
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
  askAgain(state, now, said);
  for (const held of state.held.values()) {
    if (held.returnedDue !== undefined && now >= held.returnedDue) {
      held.returnedDue = undefined;
      if (isOurs(held)) putRight(held, now, said);
    }
    contradict(held, now, said);
  }
  const { claims, releases, again, resumed } = said;
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
    const { againDue, counterDue, lingersUntil, restsUntil, returnedDue, yielded } = held;
    const due = lingersUntil ?? restsUntil ?? (yielded?.asked ? yielded.until : yielded?.askAt);
    for (const one of [due, againDue, counterDue, returnedDue]) {
      if (one !== undefined && (earliest === undefined || one < earliest)) earliest = one;
    }
  }
  return earliest;
}

/** All that this node claims: what a fellow that comes back must hear. */
export function claimed(state: OwnershipState): Ip[] {
  return [...state.held].filter(([, held]) => isOurs(held)).map(([ip]) => ip);
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
  { claims, releases, resumed }: Said,
): void {
  const { ip } = wish;
  if (wish.own || wish.owner === undefined) state.unclaimed.delete(ip);
  const held = state.held.get(ip);
  if (wish.own) {
    if (held === undefined) {
      state.held.set(ip, {
        wish,
        since: now,
        yielded: undefined,
        lingersUntil: undefined,
        counteredAt: instant(-Infinity),
        counterDue: undefined,
        againAt: instant(-Infinity),
        againDue: undefined,
        givenUpAt: undefined,
        returnedDue: undefined,
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
  else if (wish.owner !== undefined) letGo(state, ip, answering);
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
  said: Said,
): void {
  const held = state.held.get(ip);
  if (from === state.self) return;
  if (held === undefined) {
    // It does not know that its neighbours may have been misled; a release says so.
    if (state.unclaimed.delete(ip)) said.releases.add(ip);
    return;
  }
  if (!held.wish.own) {
    state.held.delete(ip);
    return;
  }
  if (keepsFrom(state, from, state.self, held.wish.salt)) {
    // It answers, as we did until now: it must hear of that, to put right what we announced.
    if (held.yielded === undefined) said.claims.add(ip);
    const askAt = after(now, ASK_MS);
    held.yielded = { to: from, askAt, until: after(askAt, ANSWER_MS), asked: false };
    return;
  }
  // Already yielding to another node: that one answers this claim.
  if (held.yielded === undefined) counter(held, now, said);
}

function onRelease(
  state: OwnershipState,
  ip: Ip,
  from: string,
  now: Instant,
  said: Said,
): void {
  const held = state.held.get(ip);
  if (held?.yielded?.to === from) {
    held.yielded = undefined;
    said.claims.add(ip);
    return;
  }
  if (held === undefined || !isOurs(held)) return;
  // It answers until it hears a claim: one that came before it contradicted, or never heard.
  said.claims.add(ip);
  // In an orderly way it does so as this node begins. Later, both had it: as after a partition.
  if (now < after(held.since, LINGER_MS)) return;
  putRight(held, now, said);
  lastWordSoon(held, now);
}

function onFellows(state: OwnershipState, names: ReadonlySet<string>, { claims }: Said): void {
  state.fellows = names;
  for (const [ip, held] of [...state.held]) {
    if (held.yielded !== undefined && !names.has(held.yielded.to)) {
      held.yielded = undefined;
      claims.add(ip);
    }
    const { owner } = held.wish;
    if (held.lingersUntil !== undefined && owner !== undefined && !names.has(owner)) {
      letGo(state, ip, true);
    }
  }
}

/** Silent without another's claim: whoever owns it may not know what this node announced. */
function letGo(state: OwnershipState, ip: Ip, answering: boolean): void {
  state.held.delete(ip);
  if (answering) state.unclaimed.add(ip);
}

/** What was left to one that sees less than this node is taken back. */
function onStale(state: OwnershipState, names: ReadonlySet<string>, said: Said): void {
  state.stale = names;
  for (const [ip, held] of state.held) {
    const to = held.yielded?.to;
    if (to === undefined || !names.has(to) || keepsFrom(state, to, state.self, held.wish.salt)) {
      continue;
    }
    held.yielded = undefined;
    said.claims.add(ip);
  }
}

function leave(held: Held, now: Instant): void {
  if (isAnswered(held)) held.lingersUntil = after(now, LEAVE_MS);
  held.wish = { ...held.wish, own: false, owner: undefined };
  held.yielded = undefined;
}

function askAgain(state: OwnershipState, now: Instant, { claims }: Said): void {
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
    if (until === undefined ? held.wish.own : now < until) continue;
    if (held.wish.owner === undefined) state.held.delete(ip);
    else letGo(state, ip, held.lingersUntil !== undefined);
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
