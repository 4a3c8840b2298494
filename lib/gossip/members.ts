import { after, type Instant } from "../base/time.ts";
import { broadcast } from "./broadcasts.ts";
import type { GossipMessage, NodeState } from "./message.ts";
import { FREE_MS, keepsName, onRefused } from "./namesake.ts";
import {
  type Endpoint,
  type GossipAction,
  type GossipState,
  isPresent,
  type Member,
  OWN_VSN,
} from "./state.ts";
import { ownAlive } from "./told.ts";
import { confirm, suspect } from "./suspicion.ts";

type Alive = GossipMessage & { readonly kind: "alive" };
type Accusation = GossipMessage & { readonly kind: "suspect" | "dead" };

const MAX_HEALTH = 7;
const MAX_INCARNATION = 0xffff_ffff;

/** A member says, or is said, to be alive (memberlist state.go, aliveNode). */
export function onAlive(
  state: GossipState,
  message: Alive,
  now: Instant,
  actions: GossipAction[],
): void {
  if (message.node === state.self.name) {
    return aboutSelf(state, { ...message, state: "alive" }, now, actions);
  }
  const before = state.members.get(message.node);
  const moved = before !== undefined && isElsewhere(before, message);
  if (moved && !mayMove(before, message, now)) {
    const other = { address: message.address, port: message.port };
    actions.push({ kind: "name-conflict", name: message.node, other });
    return;
  }
  if (before !== undefined && message.incarnation <= before.incarnation && !moved) return;
  broadcast(state, message.node, message);
  const member: Member = {
    name: message.node,
    address: message.address,
    port: message.port,
    incarnation: message.incarnation,
    meta: message.meta,
    vsn: message.vsn,
    state: "alive",
    changedAt: before?.state === "alive" ? before.changedAt : now,
    suspicion: undefined,
    namesAsker: before?.namesAsker,
  };
  state.members.set(member.name, member);
  if (before === undefined || !isPresent(before)) {
    // A random place in the ring, so that not all probe the newcomer at once.
    if (!state.ring.includes(member.name)) state.ring.push(member.name);
    actions.push({ kind: "member", name: member.name, change: "join" });
  } else if (!equalBytes(before.meta, member.meta)) {
    actions.push({ kind: "member", name: member.name, change: "update" });
  } else if (before.state === "suspect") {
    actions.push({ kind: "member", name: member.name, change: "alive" });
  }
}

function isElsewhere(one: Endpoint, other: Endpoint): boolean {
  return one.address !== other.address || one.port !== other.port;
}

/** Whether a name may go from one address to another. */
function mayMove(before: Member, claimant: Alive, now: Instant): boolean {
  if (before.state === "left") return true;
  if (before.state === "dead") return now >= after(before.changedAt, FREE_MS);
  return keepsName(claimant, before);
}

/** Somebody tells of this node, or of another of its name. */
function aboutSelf(
  state: GossipState,
  told: Omit<NodeState, "name">,
  now: Instant,
  actions: GossipAction[],
): void {
  if (state.leaving) return;
  const { self, meta } = state;
  if (isElsewhere(self, told) && told.state !== "left") {
    const { address, port } = told;
    actions.push({ kind: "name-conflict", name: self.name, other: { address, port } });
    if (told.state === "dead" || keepsName(told, { ...self, meta })) {
      if (state.rival === undefined) actions.push({ kind: "rival", other: { address, port } });
      return onRefused(state, told, told.state === "dead", now);
    }
  } else if (told.state === "alive") {
    const same = equalBytes(told.meta, meta) && equalBytes(told.vsn, OWN_VSN);
    if (told.incarnation < state.incarnation) return;
    if (told.incarnation === state.incarnation && same) return;
  }
  if (told.incarnation >= state.incarnation) refute(state, told.incarnation);
}

/** Says louder than the accusation that this node lives. */
function refute(state: GossipState, accused: number): void {
  if (accused >= MAX_INCARNATION) return; // nothing is louder: a forgery, or the end of the numbers
  state.incarnation = Math.max(state.incarnation, accused) + 1;
  changeHealth(state, 1);
  broadcast(state, state.self.name, ownAlive(state));
}

/** Tells other metadata from now on (memberlist's UpdateNode); one that leaves tells no more. */
export function tellMeta(state: GossipState, meta: Uint8Array): void {
  if (state.leaving || equalBytes(meta, state.meta)) return;
  state.meta = meta;
  if (state.incarnation < MAX_INCARNATION) state.incarnation++;
  broadcast(state, state.self.name, ownAlive(state));
}

/** Lifeguard: the worse this node hears, the slower it accuses. */
export function changeHealth(state: GossipState, by: number): void {
  state.health = Math.min(MAX_HEALTH, Math.max(0, state.health + by));
}

/** A member accuses this node: at its age, or at one of which it has not heard the end. */
function accused(state: GossipState, { incarnation }: Accusation): void {
  if (state.leaving) return;
  if (incarnation >= state.incarnation) refute(state, incarnation);
  // The news of what this node told of itself since got lost: without it the suspicion would end in death.
  else broadcast(state, state.self.name, ownAlive(state));
}

/** A member is accused (suspectNode). */
export function onSuspect(
  state: GossipState,
  message: Accusation,
  now: Instant,
  actions: GossipAction[],
): void {
  if (message.node === state.self.name) return accused(state, message);
  const member = state.members.get(message.node);
  if (member === undefined || message.incarnation < member.incarnation) return;
  if (member.suspicion !== undefined) {
    if (confirm(member.suspicion, message.from)) broadcast(state, message.node, message);
    return;
  }
  if (member.state !== "alive") return;
  broadcast(state, message.node, message);
  member.incarnation = message.incarnation;
  member.state = "suspect";
  member.changedAt = now;
  member.suspicion = suspect(message.from, estimate(state), state.timing, now);
  actions.push({ kind: "member", name: member.name, change: "suspect" });
}

/** memberlist counts the members that were not declared dead, itself included. */
function estimate({ members }: GossipState): number {
  return 1 + [...members.values()].filter(isPresent).length;
}

/** A member is dead, or says itself that it leaves (deadNode). */
export function onDead(
  state: GossipState,
  message: Accusation,
  now: Instant,
  actions: GossipAction[],
): void {
  if (message.node === state.self.name) return accused(state, message);
  const member = state.members.get(message.node);
  if (member === undefined || message.incarnation < member.incarnation) return;
  if (member.state === "dead" || member.state === "left") return;
  broadcast(state, message.node, message);
  member.incarnation = message.incarnation;
  member.state = message.from === message.node ? "left" : "dead";
  member.changedAt = now;
  member.suspicion = undefined;
  actions.push({ kind: "member", name: member.name, change: member.state });
}

/** Takes in what another member knows (mergeState). Its "dead" only raises a suspicion here. */
export function merge(
  state: GossipState,
  nodes: readonly NodeState[],
  now: Instant,
  actions: GossipAction[],
): void {
  for (const { state: told, name: node, ...rest } of nodes) {
    const { incarnation } = rest;
    if (node === state.self.name) aboutSelf(state, { state: told, ...rest }, now, actions);
    else if (told === "alive") onAlive(state, { kind: "alive", node, ...rest }, now, actions);
    else if (told === "left") {
      onDead(state, { kind: "dead", node, incarnation, from: node }, now, actions);
    } else {
      const { name: from } = state.self;
      onSuspect(state, { kind: "suspect", node, incarnation, from }, now, actions);
    }
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
