import { after, type Instant, type Millis } from "../base/time.ts";
import { onDead } from "./members.ts";
import { readAnnouncement } from "./meta.ts";
import { pingOf } from "./probe.ts";
import {
  type Doubt,
  type GossipAction,
  type GossipState,
  isPresent,
  type Member,
} from "./state.ts";
import { saysUnfit } from "./told.ts";

/** By then a member that lives has answered. */
const DOUBT_MS: Millis = 500;
/** In each round a member that does not answer is pinged at once and so long after: packets are lost. */
const AGAIN_MS: readonly Millis[] = [60, 200, DOUBT_MS];
/** One that answers is asked anew so often, for it may die as well … */
const ROUND_MS: Millis = 1_000;
/** … and so long after its last answer it is not vouched for any more. */
const SILENT_MS: Millis = 2_200;
/** One that does not answer is asked more and more rarely, and at least so often. */
const RAREST_ROUND_MS: Millis = 8_000;

/** Another channel misses the member: it is asked by this one, until that channel hears it again. */
export function doubt(
  state: GossipState,
  name: string,
  now: Instant,
  actions: GossipAction[],
): void {
  const member = state.members.get(name);
  if (member === undefined || !isPresent(member)) return;
  const one: Doubt = {
    sequence: 0,
    roundAt: now,
    roundMs: ROUND_MS,
    tries: 0,
    next: now,
    answered: false,
    answeredAt: now,
    vouched: false,
    first: true,
  };
  state.doubts.set(name, one);
  beginRound(state, member, one, now, actions);
}

function beginRound(
  state: GossipState,
  member: Member,
  one: Doubt,
  now: Instant,
  actions: GossipAction[],
): void {
  // An answer to an earlier round says nothing of this moment.
  one.sequence = ++state.sequence;
  one.roundAt = now;
  one.tries = 0;
  one.answered = false;
  ping(state, member, one, actions);
}

function ping(
  state: GossipState,
  member: Member,
  one: Doubt,
  actions: GossipAction[],
): void {
  one.next = after(one.roundAt, AGAIN_MS[one.tries] ?? one.roundMs);
  const messages = [pingOf(state, member.name, one.sequence)];
  actions.push({ kind: "send", to: member, messages, crc: false });
}

/**
 * At each step: asks again. Who does not answer at first is dead to those that have no heartbeat;
 * one that lives refutes it.
 */
export function pursueDoubts(state: GossipState, now: Instant, actions: GossipAction[]): void {
  for (const [name, one] of state.doubts) {
    const member = state.members.get(name);
    if (member === undefined || !isPresent(member)) {
      state.doubts.delete(name);
      continue;
    }
    if (one.vouched && now >= after(one.answeredAt, SILENT_MS)) {
      setVouched(one, name, false, actions);
    }
    if (now < one.next) continue;
    if (one.tries < AGAIN_MS.length) {
      one.tries++;
      if (one.first && now >= after(one.roundAt, DOUBT_MS) && hasOthersThanHerald(state)) {
        declareDead(state, member, now, actions);
      }
      ping(state, member, one, actions);
      continue;
    }
    one.first = false;
    const { answered } = one;
    const rarer = !answered && !one.vouched;
    one.roundMs = rarer ? Math.min(RAREST_ROUND_MS, 2 * one.roundMs) : ROUND_MS;
    beginRound(state, member, one, now, actions);
    if (!answered) askByStream(member, one, now, actions);
  }
}

/** Where no datagram comes through, a stream may. */
function askByStream(
  to: Member,
  { sequence }: Doubt,
  now: Instant,
  actions: GossipAction[],
): void {
  actions.push({ kind: "tcp-ping", to, node: to.name, sequence, until: after(now, ROUND_MS) });
}

/** An answer to a ping: whether it is one that a doubted member gives, and what it says. */
export function onDoubtAnswered(
  state: GossipState,
  sequence: number,
  payload: Uint8Array,
  now: Instant,
  actions: GossipAction[],
): boolean {
  for (const [name, one] of state.doubts) {
    if (one.sequence !== sequence) continue;
    one.answered = true;
    one.answeredAt = now;
    one.tries = AGAIN_MS.length; // no more in this round
    one.next = after(one.roundAt, ROUND_MS);
    setVouched(one, name, !saysUnfit(payload), actions);
    return true;
  }
  return false;
}

function setVouched(one: Doubt, name: string, answers: boolean, actions: GossipAction[]): void {
  if (one.vouched === answers) return;
  one.vouched = answers;
  actions.push({ kind: "vouched", name, answers });
}

/** The other channel hears the member again. */
export function endDoubt({ doubts }: GossipState, name: string): void {
  doubts.delete(name);
}

/** This process stood still: answers that came meanwhile were not read. */
export function pauseDoubts({ doubts }: GossipState, now: Instant): void {
  for (const one of doubts.values()) one.answeredAt = now;
}

/** MetalLB's speakers hear no heartbeat: by gossip alone they would miss a member after five seconds. */
function declareDead(
  state: GossipState,
  { name: node, incarnation }: Member,
  now: Instant,
  actions: GossipAction[],
): void {
  onDead(state, { kind: "dead", node, incarnation, from: state.self.name }, now, actions);
}

function hasOthersThanHerald({ members }: GossipState): boolean {
  return [...members.values()].some((member) =>
    isPresent(member) && readAnnouncement(member.meta) === undefined
  );
}
