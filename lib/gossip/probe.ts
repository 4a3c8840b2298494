import { after, type Instant, type Random } from "../base/time.ts";
import { takeBroadcasts } from "./broadcasts.ts";
import { changeHealth, onSuspect } from "./members.ts";
import type { GossipMessage } from "./message.ts";
import {
  type Endpoint,
  type GossipAction,
  type GossipState,
  isPresent,
  type Member,
  readsCrc,
  type Relay,
} from "./state.ts";
import { ackPayload } from "./told.ts";

const INDIRECT_CHECKS = 3;
/** Protocols that know nacks, and pings by TCP. */
const NACK_PROTOCOL = 4;
const TCP_PROTOCOL = 3;

/** Pings the next member of the ring, or goes on with the ping under way. */
export function probe(
  state: GossipState,
  now: Instant,
  random: Random,
  actions: GossipAction[],
): void {
  if (state.probe !== undefined) {
    if (!state.probe.indirect && now >= state.probe.indirectAt) {
      askOthers(state, now, random, actions);
    }
    if (now >= state.probe.until) giveUp(state, now, actions);
  }
  if (now < state.nextProbe) return;
  const scaled = state.timing.probeIntervalMs * (state.health + 1);
  state.nextProbe = after(now, scaled);
  const target = nextTarget(state, random);
  if (target === undefined) return;
  const sequence = ++state.sequence;
  state.probe = {
    target: target.name,
    sequence,
    indirectAt: after(now, state.timing.probeTimeoutMs),
    until: after(now, scaled),
    indirect: false,
    nacksWanted: 0,
    nacks: 0,
  };
  const messages: GossipMessage[] = [pingOf(state, target.name, sequence)];
  // The accused hears of the accusation with the ping, and can refute at once.
  if (target.state === "suspect") messages.push(accusation(state, target));
  actions.push({
    kind: "send",
    to: target,
    messages,
    crc: messages.length > 1 && readsCrc(target),
  });
}

/** A ping of the member with this name. */
export function pingOf({ self }: GossipState, name: string, sequence: number): GossipMessage {
  return {
    kind: "ping",
    sequence,
    node: name,
    sourceAddress: self.address,
    sourcePort: self.port,
    sourceNode: self.name,
  };
}

function accusation({ self }: GossipState, { name, incarnation }: Member): GossipMessage {
  return { kind: "suspect", node: name, incarnation, from: self.name };
}

function nextTarget(state: GossipState, random: Random): Member | undefined {
  for (let round = 0; round < 2; round++) {
    while (state.ring.length > 0) {
      const member = state.members.get(state.ring.pop() ?? "");
      if (member !== undefined && isPresent(member)) return member;
    }
    state.ring = shuffled([...state.members.keys()], random);
  }
  return undefined;
}

/** Fisher and Yates. */
export function shuffled<T>(items: T[], random: Random): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [items[last], items[other]];
    if (a !== undefined && b !== undefined) [items[last], items[other]] = [b, a];
  }
  return items;
}

function askOthers(
  state: GossipState,
  now: Instant,
  random: Random,
  actions: GossipAction[],
): void {
  const { probe, self } = state;
  const target = probe && state.members.get(probe.target);
  if (probe === undefined || target === undefined) return;
  probe.indirect = true;
  const others = [...state.members.values()].filter((member) =>
    member.state === "alive" && member !== target
  );
  for (const helper of shuffled(others, random).slice(0, INDIRECT_CHECKS)) {
    const nack = (helper.vsn[1] ?? 0) >= NACK_PROTOCOL;
    if (nack) probe.nacksWanted++;
    const message: GossipMessage = {
      kind: "indirectPing",
      sequence: probe.sequence,
      target: target.address,
      port: target.port,
      node: target.name,
      nack,
      sourceAddress: self.address,
      sourcePort: self.port,
      sourceNode: self.name,
    };
    actions.push({ kind: "send", to: helper, messages: [message], crc: false });
  }
  if ((target.vsn[1] ?? 0) >= TCP_PROTOCOL && now < probe.until) {
    const { sequence, until } = probe;
    actions.push({ kind: "tcp-ping", to: target, node: target.name, sequence, until });
  }
}

/** No helper reached it either: accuse it, and trust this node less the fewer helpers answered. */
function giveUp(state: GossipState, now: Instant, actions: GossipAction[]): void {
  const { probe } = state;
  state.probe = undefined;
  const target = probe && state.members.get(probe.target);
  if (probe === undefined || target === undefined) return;
  const missing = probe.nacksWanted - probe.nacks;
  changeHealth(state, probe.nacksWanted === 0 ? 1 : missing);
  if (isPresent(target)) {
    const { name: node, incarnation } = target;
    onSuspect(state, { kind: "suspect", node, incarnation, from: state.self.name }, now, actions);
  }
}

/** The ping under way was answered, by UDP, by a helper or by TCP. */
export function onAck(state: GossipState, sequence: number, actions: GossipAction[]): void {
  if (state.probe?.sequence === sequence) {
    state.probe = undefined;
    changeHealth(state, -1);
    return;
  }
  const relay = state.relays.get(sequence);
  if (relay === undefined) return;
  state.relays.delete(sequence);
  const ack: GossipMessage = {
    kind: "ackResp",
    sequence: relay.askerSequence,
    payload: new Uint8Array(),
  };
  actions.push({ kind: "send", to: relay.asker, messages: [ack], crc: false });
}

/** A helper could not reach it either. */
export function onNack({ probe }: GossipState, sequence: number): void {
  if (probe?.sequence === sequence && probe.nacks < probe.nacksWanted) probe.nacks++;
}

/** What a ping tells of the program that sent it. */
function noteAsker(
  { members }: GossipState,
  from: Endpoint,
  namesAsker: boolean,
  actions: GossipAction[],
): void {
  for (const member of members.values()) {
    if (member.address !== from.address || member.namesAsker === namesAsker) continue;
    member.namesAsker = namesAsker;
    actions.push({ kind: "member", name: member.name, change: "program" });
  }
}

/** Answers a ping for this node, and lets waiting news ride along. */
export function onPing(
  state: GossipState,
  message: GossipMessage & { readonly kind: "ping" },
  from: Endpoint,
  sizeOf: (message: GossipMessage) => number,
  actions: GossipAction[],
): void {
  if (message.node !== "" && message.node !== state.self.name) return;
  noteAsker(state, from, message.sourceNode !== "", actions);
  const ack: GossipMessage = {
    kind: "ackResp",
    sequence: message.sequence,
    payload: ackPayload(state),
  };
  const messages = [ack, ...takeBroadcasts(state, RIDE_BUDGET, sizeOf)];
  actions.push({ kind: "send", to: replyTo(message, from), messages, crc: false });
}

/** News beside an ack leave room for the ack. */
const RIDE_BUDGET = 1_200;
/** A flood of requests to ping others must not fill the memory. */
const MAX_RELAYS = 1_024;

/** Pings for another member. */
export function onIndirectPing(
  state: GossipState,
  message: GossipMessage & { readonly kind: "indirectPing" },
  from: Endpoint,
  now: Instant,
  actions: GossipAction[],
): void {
  if (state.relays.size >= MAX_RELAYS) return;
  const sequence = ++state.sequence;
  const { probeTimeoutMs, probeIntervalMs } = state.timing;
  const relay: Relay = {
    asker: replyTo(message, from),
    askerSequence: message.sequence,
    nackAt: message.nack ? after(now, probeTimeoutMs) : undefined,
    until: after(now, probeIntervalMs),
  };
  state.relays.set(sequence, relay);
  const ping = pingOf(state, message.node, sequence);
  const to = { address: message.target, port: message.port };
  actions.push({ kind: "send", to, messages: [ping], crc: false });
}

/** Tells askers that the time is over, and forgets them. */
export function endRelays(state: GossipState, now: Instant, actions: GossipAction[]): void {
  for (const [sequence, relay] of state.relays) {
    if (relay.nackAt !== undefined && now >= relay.nackAt) {
      const nack: GossipMessage = { kind: "nackResp", sequence: relay.askerSequence };
      actions.push({ kind: "send", to: relay.asker, messages: [nack], crc: false });
      state.relays.set(sequence, { ...relay, nackAt: undefined });
    }
    if (now >= relay.until) state.relays.delete(sequence);
  }
}

function replyTo(
  message: GossipMessage & { readonly kind: "ping" | "indirectPing" },
  from: Endpoint,
): Endpoint {
  const { sourceAddress: address, sourcePort: port } = message;
  return address === undefined || port === 0 ? from : { address, port };
}
