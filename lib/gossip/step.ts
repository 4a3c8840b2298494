import { unreachable } from "../base/errors.ts";
import { after, type Instant, instant, type Millis, type Random } from "../base/time.ts";
import { broadcast, PACKET_BUDGET, takeBroadcasts } from "./broadcasts.ts";
import {
  ask,
  join,
  joinDeadline,
  joinSoon,
  onCandidates,
  onJoinEnded,
  stopJoining,
} from "./join.ts";
import { doubt, endDoubt, onDoubtAnswered, pauseDoubts, pursueDoubts } from "./doubts.ts";
import { merge, onAlive, onDead, onSuspect, tellMeta } from "./members.ts";
import type { GossipMessage } from "./message.ts";
import { endRivalry, FREE_MS } from "./namesake.ts";
import { encodeMessage } from "./message.ts";
import { endRelays, onAck, onIndirectPing, onNack, onPing, probe, shuffled } from "./probe.ts";
import {
  type Endpoint,
  type GossipAction,
  type GossipEvent,
  type GossipState,
  isPresent,
  type Member,
  readsCrc,
} from "./state.ts";
import { deathAt } from "./suspicion.ts";

/** News goes to so many at a time … */
const GOSSIP_NODES = 3;
/** … and to the dead for this long: one that lives can refute it. */
const GOSSIP_TO_DEAD_MS: Millis = FREE_MS;
/** A member that is long gone is forgotten, so that memory stays bounded. */
const FORGET_MS: Millis = 3_600_000;
/** Beyond so many members push/pulls become rarer. */
const PUSH_PULL_SCALE = 32;

/**
 * Advances a member of a memberlist cluster: SWIM with Lifeguard. Total over every event; actions
 * are in the order to perform.
 */
export function step(
  state: GossipState,
  event: GossipEvent,
  now: Instant,
  random: Random,
): GossipAction[] {
  const actions: GossipAction[] = [];
  switch (event.kind) {
    case "message":
      onMessage(state, event.message, event.from, now, actions);
      break;
    case "merge":
      merge(state, event.nodes, now, actions);
      break;
    case "tcp-ack":
      if (onDoubtAnswered(state, event.sequence, new Uint8Array(), now, actions)) break;
      onAck(state, event.sequence, actions);
      break;
    case "leave":
      leave(state, actions);
      break;
    case "paused":
      onPause(state, now);
      break;
    case "candidates":
      onCandidates(state, event, now, actions);
      break;
    case "join-soon":
      joinSoon(state, now);
      break;
    case "join-ended":
      onJoinEnded(state, event.address, actions);
      break;
    case "ask":
      ask(state, event.name, event.address, actions);
      break;
    case "meta":
      tellMeta(state, event.meta);
      break;
    case "doubt":
      doubt(state, event.name, now, actions);
      break;
    case "heard":
      endDoubt(state, event.name);
      break;
    case "fitness":
      state.unfit = event.unfit;
      break;
    case "ending":
      stopJoining(state, actions);
      break;
    case "tick":
      join(state, now, random, actions);
      break;
    default:
      return unreachable(event);
  }
  if (!state.leaving) probe(state, now, random, actions);
  pursueDoubts(state, now, actions);
  endRelays(state, now, actions);
  endSuspicions(state, now, actions);
  gossip(state, now, random, actions);
  pushPull(state, now, random, actions);
  endRivalry(state, now, (from) => from[Math.floor(random() * from.length)], actions);
  return actions;
}

/** When the next tick is due. */
export function nextDeadline(state: GossipState): Instant {
  let earliest: number = Math.min(state.nextProbe, state.nextPushPull, joinDeadline(state));
  if (state.broadcasts.size > 0) earliest = Math.min(earliest, state.nextGossip);
  const { probe, rival } = state;
  if (rival !== undefined) earliest = Math.min(earliest, rival.until, rival.askAt);
  if (probe !== undefined) {
    earliest = Math.min(earliest, probe.indirect ? probe.until : probe.indirectAt);
  }
  for (const { next } of state.doubts.values()) earliest = Math.min(earliest, next);
  for (const { suspicion } of state.members.values()) {
    if (suspicion !== undefined) earliest = Math.min(earliest, deathAt(suspicion));
  }
  for (const { nackAt, until } of state.relays.values()) {
    earliest = Math.min(earliest, nackAt ?? until);
  }
  return instant(earliest);
}

/** Names of all members that take part now, this node included. */
export function aliveMembers(state: GossipState): Set<string> {
  const names = new Set(state.leaving ? [] : [state.self.name]);
  for (const member of state.members.values()) if (isPresent(member)) names.add(member.name);
  return names;
}

function onMessage(
  state: GossipState,
  message: GossipMessage,
  from: Endpoint,
  now: Instant,
  actions: GossipAction[],
): void {
  switch (message.kind) {
    case "ping":
      return onPing(state, message, from, sizeOf, actions);
    case "indirectPing":
      return onIndirectPing(state, message, from, now, actions);
    case "ackResp":
      if (onDoubtAnswered(state, message.sequence, message.payload, now, actions)) return;
      return onAck(state, message.sequence, actions);
    case "nackResp":
      return onNack(state, message.sequence);
    case "alive":
      return onAlive(state, message, now, actions);
    case "suspect":
      return onSuspect(state, message, now, actions);
    case "dead":
      return onDead(state, message, now, actions);
    case "user":
    case "err":
      return; // no member of this cluster sends such news
    default:
      return unreachable(message);
  }
}

function sizeOf(message: GossipMessage): number {
  return encodeMessage(message).length;
}

function endSuspicions(state: GossipState, now: Instant, actions: GossipAction[]): void {
  for (const member of [...state.members.values()]) {
    if (member.suspicion !== undefined && now >= deathAt(member.suspicion)) {
      const { name: node, incarnation } = member;
      onDead(state, { kind: "dead", node, incarnation, from: state.self.name }, now, actions);
    }
    const gone = member.state === "dead" || member.state === "left";
    if (gone && now >= after(member.changedAt, FORGET_MS)) state.members.delete(member.name);
  }
}

function gossip(
  state: GossipState,
  now: Instant,
  random: Random,
  actions: GossipAction[],
): void {
  if (now < state.nextGossip) return;
  state.nextGossip = after(now, state.timing.gossipIntervalMs);
  if (state.broadcasts.size === 0) return;
  const listeners = [...state.members.values()].filter((member) => isListening(member, now));
  for (const member of shuffled(listeners, random).slice(0, GOSSIP_NODES)) {
    const messages = takeBroadcasts(state, PACKET_BUDGET, sizeOf);
    if (messages.length === 0) return;
    actions.push({ kind: "send", to: member, messages, crc: readsCrc(member) });
  }
}

function isListening(member: Member, now: Instant): boolean {
  if (isPresent(member)) return true;
  return member.state === "dead" && now < after(member.changedAt, GOSSIP_TO_DEAD_MS);
}

function pushPull(
  state: GossipState,
  now: Instant,
  random: Random,
  actions: GossipAction[],
): void {
  if (now < state.nextPushPull || state.leaving) return;
  const size = state.members.size + 1;
  const scale = size <= PUSH_PULL_SCALE
    ? 1
    : Math.ceil(Math.log2(size) - Math.log2(PUSH_PULL_SCALE)) + 1;
  state.nextPushPull = after(now, state.timing.pushPullIntervalMs * scale);
  const alive = [...state.members.values()].filter((member) => member.state === "alive");
  const partner = alive[Math.floor(random() * alive.length)];
  if (partner !== undefined) actions.push({ kind: "push-pull", to: partner, join: false });
}

/** Tells every member at once: each takes over what was here without waiting for gossip. */
function leave(state: GossipState, actions: GossipAction[]): void {
  if (state.leaving) return;
  state.leaving = true;
  state.probe = undefined;
  const { name } = state.self;
  const dead: GossipMessage = {
    kind: "dead",
    node: name,
    incarnation: state.incarnation,
    from: name,
  };
  broadcast(state, name, dead);
  for (const member of state.members.values()) {
    if (!isPresent(member)) continue;
    actions.push({ kind: "send", to: member, messages: [dead], crc: readsCrc(member) });
  }
}

/** Answers that came meanwhile were not read: that accuses no member. */
function onPause(state: GossipState, now: Instant): void {
  state.probe = undefined;
  state.relays.clear();
  pauseDoubts(state, now);
  state.nextProbe = after(now, state.timing.probeIntervalMs);
  for (const member of state.members.values()) {
    if (member.suspicion === undefined) continue;
    member.suspicion = { ...member.suspicion, startedAt: now };
  }
}
