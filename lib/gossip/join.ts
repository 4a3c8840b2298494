import { after, type Instant, instant, type Millis, type Random } from "../base/time.ts";
import { compareIp, type Ip } from "../net/ip.ts";
import type { NodeState } from "./message.ts";
import {
  type GossipAction,
  type GossipEvent,
  type GossipState,
  isPresent,
  type Joining,
} from "./state.ts";

/** Why states were not exchanged: nobody took the stream, or it ended without an answer. */
export type JoinFailure = "no stream" | "no answer";

/** What an exchange of states came to. */
export type Exchange =
  | { readonly kind: "states"; readonly nodes: readonly NodeState[] }
  | { readonly kind: JoinFailure; readonly detail: string };

/** A missing member is tried so often, ± 20 %: healed partitions join (row L18). */
const JOIN_MS: Millis = 2_000;
/** So many joins that may still be answered soon are under way at a time … */
const JOINS_AT_ONCE = 8;
/** … and so many in all: a host that drops what it gets holds a join for ten seconds. */
const JOINS_OPEN = 64;
/** So many are tried in the time of one round, however many are missing. */
const JOINS_A_ROUND = 64;
/** Who has not answered a start by then may drop what it gets: others are tried beside it. */
const FIRST_ANSWER_MS: Millis = 250;
/** A start waits no longer for members that do not answer. */
const FIRST_JOIN_MS: Millis = 1_500;

/** At a tick: asks for the candidates to try now, and ends a first join that took too long. */
export function join(
  state: GossipState,
  now: Instant,
  random: Random,
  actions: GossipAction[],
): void {
  const { joining } = state;
  if (now >= joining.firstUntil) endFirstJoin(joining, actions);
  if (now < Math.min(joining.next, joining.moreAt)) return;
  joining.moreAt = instant(Infinity);
  if (now < joining.next) return void actions.push({ kind: "candidates" });
  joining.round = now;
  joining.next = after(now, JOIN_MS * (joining.first === "ahead" ? 1 : 0.8 + 0.4 * random()));
  actions.push({ kind: "candidates" });
}

/** When {@link join} has something to do again. */
export function joinDeadline({ joining }: GossipState): Instant {
  return instant(Math.min(joining.next, joining.moreAt, joining.firstUntil));
}

/**
 * Tries the candidates, and the members that died, that are not present now: each once in a round,
 * the one that was not tried for longest first. However many refuse, the others have their turn.
 */
export function onCandidates(
  state: GossipState,
  { addresses, complete }: GossipEvent & { readonly kind: "candidates" },
  now: Instant,
  actions: GossipAction[],
): void {
  const { joining, self } = state;
  const { round, tried, trying } = joining;
  const missing = missingOf(state, addresses);
  for (const ip of tried.keys()) if (!missing.has(ip)) tried.delete(ip);
  const triedAt = (ip: Ip): number => tried.get(ip) ?? -Infinity;
  const due = [...missing].filter((ip) => !trying.has(ip) && triedAt(ip) < round)
    .sort((one, other) => triedAt(one) - triedAt(other) || compareIp(one, other));
  const chosen = due.slice(0, roomFor(joining, now));
  for (const address of chosen) {
    trying.add(address);
    tried.set(address, now);
    actions.push({ kind: "join", to: { address, port: self.port } });
  }
  joining.moreDue = chosen.length < due.length;
  const isStarting = joining.first !== "over" && joining.moreDue;
  joining.moreAt = isStarting ? after(now, FIRST_ANSWER_MS) : instant(Infinity);
  if (joining.first === "over" || !complete) return;
  if (joining.first === "ahead") joining.firstUntil = after(now, FIRST_JOIN_MS);
  // Those of whom another has told meanwhile need no join of their own.
  const awaited = joining.first === "ahead" ? due : [...joining.first];
  joining.first = new Set(awaited.filter((ip) => missing.has(ip) || trying.has(ip)));
  if (joining.first.size === 0) endFirstJoin(joining, actions);
}

function missingOf({ members, self }: GossipState, addresses: readonly Ip[]): Set<Ip> {
  const wanted = new Set<Ip>(addresses);
  const present = [self.address];
  for (const member of members.values()) {
    if (isPresent(member)) present.push(member.address);
    else if (member.state === "dead") wanted.add(member.address);
  }
  for (const ip of present) wanted.delete(ip);
  return wanted;
}

/** How many joins may begin now. */
function roomFor({ first, round, tried, trying }: Joining, now: Instant): number {
  const soonMs = first === "over" ? 0.8 * JOIN_MS : FIRST_ANSWER_MS;
  const soonAnswered = [...trying].filter((ip) => now < after(tried.get(ip) ?? now, soonMs));
  const ofRound = [...tried.values()].filter((at) => at >= round);
  return Math.max(
    0,
    Math.min(
      JOINS_AT_ONCE - soonAnswered.length,
      JOINS_OPEN - trying.size,
      JOINS_A_ROUND - ofRound.length,
    ),
  );
}

/** A join was answered, or failed: the next one has its turn. */
export function onJoinEnded({ joining }: GossipState, address: Ip, actions: GossipAction[]): void {
  joining.trying.delete(address);
  if (joining.moreDue) actions.push({ kind: "candidates" });
  const { first } = joining;
  if (typeof first === "object" && first.delete(address) && first.size === 0) {
    endFirstJoin(joining, actions);
  }
}

/** Candidates changed: the next tick tries them, however many changes come before it. */
export function joinSoon({ joining }: GossipState, now: Instant): void {
  if (joining.next < Infinity) joining.next = now;
}

/** Joins a member that seems to have news, wherever it is by now. */
export function ask(
  { members, self }: GossipState,
  name: string,
  address: Ip,
  actions: GossipAction[],
): void {
  const to = members.get(name) ?? { address, port: self.port };
  actions.push({ kind: "push-pull", to, join: true });
}

/** The process ends: no member is searched for any more. */
export function stopJoining({ joining }: GossipState, actions: GossipAction[]): void {
  joining.next = instant(Infinity);
  joining.moreDue = false;
  joining.moreAt = instant(Infinity);
  endFirstJoin(joining, actions);
}

function endFirstJoin(joining: Joining, actions: GossipAction[]): void {
  if (joining.first === "over") return;
  joining.first = "over";
  joining.firstUntil = joining.moreAt = instant(Infinity);
  actions.push({ kind: "first-join-over" });
}
