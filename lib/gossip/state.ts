import { type Instant, instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import type { GossipMessage, NodeState } from "./message.ts";

/** Where a member listens, by UDP and TCP alike. */
export interface Endpoint {
  readonly address: Ip;
  readonly port: number;
}

/** memberlist's DefaultLANConfig, unless a test or a flag says otherwise. */
export interface GossipTiming {
  readonly probeIntervalMs: Millis;
  readonly probeTimeoutMs: Millis;
  readonly gossipIntervalMs: Millis;
  readonly pushPullIntervalMs: Millis;
  readonly suspicionFactor: number;
  readonly suspicionMaxFactor: number;
}

export const LAN_TIMING: GossipTiming = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  gossipIntervalMs: 200,
  pushPullIntervalMs: 30_000,
  suspicionFactor: 4,
  suspicionMaxFactor: 6,
};

export type MemberState = "alive" | "suspect" | "dead" | "left";

/** What is known of a member. */
export interface Member extends Endpoint {
  readonly name: string;
  incarnation: number;
  meta: Uint8Array;
  /** Protocol minimum, maximum, current; delegate minimum, maximum, current. */
  vsn: Uint8Array;
  state: MemberState;
  changedAt: Instant;
  suspicion: Suspicion | undefined;
}

/** An accusation that runs: it ends in death unless somebody refutes it. */
export interface Suspicion {
  readonly startedAt: Instant;
  readonly minMs: Millis;
  readonly maxMs: Millis;
  /** Confirmations that are hoped for. */
  readonly wanted: number;
  /** Who accused; the first, and then others whose word makes it quicker. */
  readonly accusers: Set<string>;
}

/** A ping that is waited for. */
export interface Probe {
  readonly target: string;
  readonly sequence: number;
  /** Then others are asked to ping it. */
  readonly indirectAt: Instant;
  readonly until: Instant;
  indirect: boolean;
  /** Of those who were asked and promised to say that they could not either. */
  nacksWanted: number;
  nacks: number;
}

/** A ping made for another member. */
export interface Relay {
  readonly asker: Endpoint;
  readonly askerSequence: number;
  readonly nackAt: Instant | undefined;
  readonly until: Instant;
}

/** News about one node, to be passed on. */
export interface Broadcast {
  readonly node: string;
  readonly message: GossipMessage;
  sent: number;
}

/** A member of the cluster: this node. Only `step` touches it. */
export interface GossipState {
  readonly self: Endpoint & { readonly name: string };
  readonly timing: GossipTiming;
  meta: Uint8Array;
  incarnation: number;
  sequence: number;
  /** Without this node. */
  readonly members: Map<string, Member>;
  readonly broadcasts: Map<string, Broadcast>;
  readonly relays: Map<number, Relay>;
  probe: Probe | undefined;
  /** Names in the order in which they are probed; shuffled anew when it is through. */
  ring: string[];
  /** Lifeguard's health score: 0 is well, up to 7 makes this node slower to accuse. */
  health: number;
  nextProbe: Instant;
  nextGossip: Instant;
  nextPushPull: Instant;
  leaving: boolean;
}

export type GossipEvent =
  | { readonly kind: "message"; readonly message: GossipMessage; readonly from: Endpoint }
  /** The states that a push/pull brought, of whichever side. */
  | { readonly kind: "merge"; readonly nodes: readonly NodeState[] }
  /** A TCP ping was answered. */
  | { readonly kind: "tcp-ack"; readonly sequence: number }
  /** What this node tells of itself changed. */
  | { readonly kind: "meta"; readonly meta: Uint8Array }
  | { readonly kind: "leave" }
  /** The process stood still: what it waited for says nothing. */
  | { readonly kind: "paused" }
  | { readonly kind: "tick" };

export type GossipAction =
  /** By UDP; several messages go in one packet. */
  | {
    readonly kind: "send";
    readonly to: Endpoint;
    readonly messages: readonly GossipMessage[];
    /** The receiver reads checksums. */
    readonly crc: boolean;
  }
  | { readonly kind: "push-pull"; readonly to: Endpoint }
  | {
    readonly kind: "tcp-ping";
    readonly to: Endpoint;
    readonly node: string;
    readonly sequence: number;
    readonly until: Instant;
  }
  /** A member came, changed what it tells, or went. */
  | {
    readonly kind: "member";
    readonly name: string;
    readonly change: "join" | "update" | "suspect" | "alive" | "dead" | "left";
  }
  /** Two members say that they have this name. */
  | { readonly kind: "name-conflict"; readonly name: string; readonly other: Endpoint };

/** Protocol 1 to 5, current 2: what a LAN default node of memberlist says. */
export const OWN_VSN: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0);
/** The first protocol whose packets may carry a checksum. */
const CRC_PROTOCOL = 5;

/** Begins alone, at incarnation 1. */
export function createGossip(
  self: GossipState["self"],
  meta: Uint8Array,
  now: Instant,
  timing: GossipTiming = LAN_TIMING,
): GossipState {
  return {
    self,
    timing,
    meta,
    incarnation: 1,
    sequence: 0,
    members: new Map(),
    broadcasts: new Map(),
    relays: new Map(),
    probe: undefined,
    ring: [],
    health: 0,
    nextProbe: instant(now + timing.probeIntervalMs),
    nextGossip: instant(now + timing.gossipIntervalMs),
    nextPushPull: instant(now + timing.pushPullIntervalMs),
    leaving: false,
  };
}

/** Whether packets to the member may carry a checksum. */
export function readsCrc({ vsn }: Member): boolean {
  return (vsn[1] ?? 0) >= CRC_PROTOCOL;
}

/** All states that a push/pull tells, this node's own first. */
export function localStates(state: GossipState): NodeState[] {
  const { self, meta, incarnation } = state;
  const own: NodeState = {
    name: self.name,
    address: self.address,
    port: self.port,
    meta,
    incarnation,
    state: state.leaving ? "left" : "alive",
    vsn: OWN_VSN,
  };
  return [own, ...[...state.members.values()].map(stateOf)];
}

function stateOf({ name, address, port, meta, incarnation, state, vsn }: Member): NodeState {
  return { name, address, port, meta, incarnation, state, vsn };
}

/** This node's own alive message. */
export function ownAlive({ self, meta, incarnation }: GossipState): GossipMessage {
  return {
    kind: "alive",
    node: self.name,
    address: self.address,
    port: self.port,
    meta,
    incarnation,
    vsn: OWN_VSN,
  };
}
