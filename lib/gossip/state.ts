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
  /** Whether its pings name who asks: those of memberlist do from v0.2 on. Undefined before the first. */
  namesAsker?: boolean | undefined;
}

/** An accusation: it ends in death unless the accused refutes it in time. */
export interface Suspicion {
  readonly startedAt: Instant;
  readonly minMs: Millis;
  readonly maxMs: Millis;
  /** Accusers hoped for beside the first. */
  readonly wanted: number;
  /** Nodes that accused it: the first, and others whose word shortens the time. */
  readonly accusers: Set<string>;
}

/** A ping whose ack is outstanding. */
interface Probe {
  readonly target: string;
  readonly sequence: number;
  /** Then others are asked to ping it. */
  readonly indirectAt: Instant;
  readonly until: Instant;
  indirect: boolean;
  /** Of the helpers that promised to report their own failure too. */
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

/** A member that another channel misses, asked by this one. */
export interface Doubt {
  /** Of this round's pings. */
  sequence: number;
  roundAt: Instant;
  /** From this round to the next. */
  roundMs: Millis;
  tries: number;
  next: Instant;
  /** In this round. */
  answered: boolean;
  /** When it last answered; at first when it began. */
  answeredAt: Instant;
  /** It answers, and can answer for its addresses. */
  vouched: boolean;
  first: boolean;
}

/** News about one node, to be passed on. */
interface Broadcast {
  readonly node: string;
  readonly message: GossipMessage;
  sent: number;
}

/** The member to which others give this node's name. */
interface Rival extends Endpoint {
  /** It is dead, and the name is free in a while. */
  readonly isDead: boolean;
  /** Unless others speak of it until then, there is none. */
  readonly until: Instant;
  /** Then a member is asked. */
  askAt: Instant;
}

/** The search for members that are missing. */
export interface Joining {
  /** Addresses of the joins under way. */
  readonly trying: Set<Ip>;
  /** When each that is missing was last tried. */
  readonly tried: Map<Ip, Instant>;
  /** When all that are missing began to be tried, each once. */
  round: Instant;
  /** Some wait for others to end … */
  moreDue: boolean;
  /** … at a start no longer than until then; never, while none waits. */
  moreAt: Instant;
  /** Then the missing are tried again; never, once the process ends. */
  next: Instant;
  /** The join at the start: while it is under way, the addresses whose answer is outstanding. */
  first: "ahead" | Set<Ip> | "over";
  /** The first join waits no longer; never before all candidates are known. */
  firstUntil: Instant;
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
  /** By name. */
  readonly doubts: Map<string, Doubt>;
  /** This node cannot answer for its addresses, and says so to whom doubts it. */
  unfit: boolean;
  probe: Probe | undefined;
  /** Names in the order in which they are probed; shuffled anew when it is through. */
  ring: string[];
  /** Lifeguard's health score: 0 is well, up to 7 makes this node slower to accuse. */
  health: number;
  nextProbe: Instant;
  nextGossip: Instant;
  nextPushPull: Instant;
  leaving: boolean;
  readonly startedAt: Instant;
  /** Who has this node's name, to the other members: they refuse this node. */
  rival: Rival | undefined;
  readonly joining: Joining;
}

export type GossipEvent =
  | { readonly kind: "message"; readonly message: GossipMessage; readonly from: Endpoint }
  /** The states that a push/pull brought, of whichever side. */
  | { readonly kind: "merge"; readonly nodes: readonly NodeState[] }
  /** A TCP ping was answered. */
  | { readonly kind: "tcp-ack"; readonly sequence: number }
  | { readonly kind: "leave" }
  /** Where members may be, as asked for by the action of this name. */
  | {
    readonly kind: "candidates";
    readonly addresses: readonly Ip[];
    /** No others are to be found yet: the first join tries these, and is not over before all are known. */
    readonly complete: boolean;
  }
  /** Candidates changed: the missing are tried now. */
  | { readonly kind: "join-soon" }
  /** The action `join` was carried out, or failed. */
  | { readonly kind: "join-ended"; readonly address: Ip }
  /** Exchange states with this member now: it seems to have news. */
  | { readonly kind: "ask"; readonly name: string; readonly address: Ip }
  /** This node tells another metadata of itself from now on. */
  | { readonly kind: "meta"; readonly meta: Uint8Array }
  /** Another channel misses this member … */
  | { readonly kind: "doubt"; readonly name: string }
  /** … and hears it again. */
  | { readonly kind: "heard"; readonly name: string }
  /** Whether this node can answer for its addresses at this moment. */
  | { readonly kind: "fitness"; readonly unfit: boolean }
  /** The process is about to end: no member is searched for any more. */
  | { readonly kind: "ending" }
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
  /** By TCP; `join` tells the other that this node is new to it. */
  | { readonly kind: "push-pull"; readonly to: Endpoint; readonly join: boolean }
  /** A push/pull with a candidate, to be reported by the event `join-ended`. */
  | { readonly kind: "join"; readonly to: Endpoint }
  /** Asks where members may be. */
  | { readonly kind: "candidates" }
  /** All that were to be found at the start were tried, or the time for it is over. */
  | { readonly kind: "first-join-over" }
  | {
    readonly kind: "tcp-ping";
    readonly to: Endpoint;
    readonly node: string;
    readonly sequence: number;
    readonly until: Instant;
  }
  /** A member joined, changed its metadata or its state, or is gone. */
  | {
    readonly kind: "member";
    readonly name: string;
    readonly change: "join" | "update" | "program" | "suspect" | "alive" | "dead" | "left";
  }
  /** A doubted member answers, and says nothing of being unfit; or does so no more. */
  | { readonly kind: "vouched"; readonly name: string; readonly answers: boolean }
  /** Two members say that they have this name. */
  | { readonly kind: "name-conflict"; readonly name: string; readonly other: Endpoint }
  /** This node is the second one of its name. */
  /** Others refuse this node, for its name is that one's; undefined: not any more. */
  | { readonly kind: "rival"; readonly other: Endpoint | undefined };

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
    doubts: new Map(),
    unfit: false,
    probe: undefined,
    ring: [],
    health: 0,
    nextProbe: instant(now + timing.probeIntervalMs),
    nextGossip: instant(now + timing.gossipIntervalMs),
    nextPushPull: instant(now + timing.pushPullIntervalMs),
    leaving: false,
    startedAt: now,
    rival: undefined,
    joining: {
      trying: new Set(),
      tried: new Map(),
      round: now,
      moreDue: false,
      moreAt: instant(Infinity),
      next: now,
      first: "ahead",
      firstUntil: instant(Infinity),
    },
  };
}

/** Whether it takes part; a suspect still does. */
export function isPresent({ state }: Member): boolean {
  return state === "alive" || state === "suspect";
}

/** Whether packets to the member may carry a checksum. */
export function readsCrc({ vsn }: Member): boolean {
  return (vsn[1] ?? 0) >= CRC_PROTOCOL;
}
