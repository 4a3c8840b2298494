import type { Instant, Millis } from "../base/time.ts";
import { instant } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import type { HeartbeatBody, HeartbeatPacket, Notice } from "./packet.ts";

/** How fast a speaker is missed. */
export interface HeartbeatTiming {
  /** Between two beats. */
  readonly intervalMs: Millis;
  /** So many beats may be missed before others are asked. */
  readonly multiplier: number;
  /** How long an answer of others is waited for. */
  readonly confirmMs: Millis;
}

/** Another speaker that beats too, as the gossip tells. */
export interface HeartbeatPeer {
  readonly name: string;
  readonly boot: number;
  /** It knows of the ring; one that does not beats to all, and misses who does not beat to it. */
  readonly inRing: boolean;
}

export type MonitorEvent =
  /** Replaces those before; a peer with another boot is new. */
  | { readonly kind: "peers"; readonly peers: readonly HeartbeatPeer[] }
  | { readonly kind: "packet"; readonly packet: HeartbeatPacket }
  /** The peer's kernel says that nobody listens there. */
  | { readonly kind: "refused"; readonly name: string }
  /** Whether this node can announce; it is sent with the next beat, which goes out at once. */
  | { readonly kind: "can-announce"; readonly canAnnounce: boolean }
  /** Whether this node sees less of the cluster than others do; it is sent in the same way. */
  | { readonly kind: "view"; readonly stale: boolean }
  | { readonly kind: "notify"; readonly id: number; readonly notice: Notice }
  /** The notice of that peer is carried out. */
  | { readonly kind: "acknowledge"; readonly name: string; readonly id: number }
  | { readonly kind: "tick" };

export type MonitorAction =
  | { readonly kind: "send"; readonly to: string; readonly body: HeartbeatBody }
  /** A peer was heard for the first time, or missed too long. */
  | { readonly kind: "up"; readonly name: string }
  | { readonly kind: "down"; readonly name: string; readonly silentMs: Millis }
  | { readonly kind: "can-announce"; readonly name: string; readonly canAnnounce: boolean }
  | { readonly kind: "view"; readonly name: string; readonly stale: boolean }
  | {
    readonly kind: "notice";
    readonly name: string;
    readonly id: number;
    readonly notice: Notice;
  }
  /** All peers that are up have acknowledged, or the time for it is over: these have not. */
  | { readonly kind: "settled"; readonly id: number; readonly missing: readonly string[] }
  /** A peer that is up has not heard a notice: all that counts is to be told again. */
  | { readonly kind: "unheard"; readonly by: readonly string[] }
  /** A heartbeat from a node, or from a run of it, that gossip has not reported yet: ask gossip again. */
  | { readonly kind: "stranger"; readonly name: string }
  /** This process was paused so long that others may have taken its addresses. */
  | { readonly kind: "paused"; readonly ms: Millis }
  /** Until then the others do not miss this speaker. */
  | { readonly kind: "awake"; readonly until: Instant };

/** What is known of another speaker. */
export interface Peer extends HeartbeatPeer {
  /** As its beats say: it beats to its neighbours alone. */
  ringed: boolean;
  state: "new" | "up" | "down";
  heardAt: Instant;
  sequence: number;
  /** As the peer itself told: each may beat at a pace of its own, and is missed by that. */
  intervalMs: Millis;
  multiplier: number;
  canAnnounce: boolean;
  stale: boolean;
  /** Others are being asked about it, or only others hear it. */
  asking: { readonly id: number; until: Instant; readonly open: Set<string> } | undefined;
  /** While it was silent here another heard it: the way from it to this node is broken. */
  vouched: boolean;
  /** Its kernel said that nobody listens. */
  refused: boolean;
  /** It was heard all the same: until then that counts for nothing. */
  distrustedUntil: Instant;
  /** It was asked for the beat that is late. */
  isProbed: boolean;
  /** In a ring: it asked for beats, and is given them until then. */
  beatUntil: Instant;
  /** Who else misses it, each until when. */
  readonly missedBy: Map<string, Instant>;
  /** So often the others are still to be told that this node misses it … */
  sayings: number;
  /** … and once in a while, as long as it does. */
  missing: boolean;
  /** Its notices by id in the order in which they came: a repeated one is told once, and acknowledged again. */
  readonly notices: Map<number, { done: boolean; heardAt: Instant }>;
  /** The last notice that spoke of an address, and when it came; the oldest first. */
  readonly spoken: Map<Ip, { readonly id: number; readonly at: Instant }>;
}

/** A speaker's place in the ring; of this one there is no peer. */
export interface Place {
  readonly name: string;
  readonly at: number;
  readonly peer: Peer | undefined;
}

/** A notice that is not yet acknowledged by all. */
export interface Outstanding {
  readonly id: number;
  /** Without the addresses of which a later one speaks. */
  notice: Notice;
  readonly open: Set<string>;
  readonly until: Instant;
  next: Instant;
  /** From the next one to that after it. */
  waitMs: Millis;
}

/** Notices that were not acknowledged in their time. */
interface Unheard {
  readonly by: Set<string>;
  /** Then what counts is told again; never, while all is heard. */
  at: Instant;
  /** So long after the next that is not heard. */
  waitMs: Millis;
}

/** What a speaker knows of the others' beats; only `step` touches it. */
export interface MonitorState {
  readonly self: string;
  readonly timing: HeartbeatTiming;
  readonly peers: Map<string, Peer>;
  /** Beyond so many speakers each beats to its neighbours alone. */
  readonly ringBeyond: number;
  ring: readonly Place[];
  /** This node's neighbours in the ring. */
  near: ReadonlySet<string>;
  /** They beat to this node: neighbours, and those that beat to all. */
  readonly watched: Set<Peer>;
  /** Who is watched is to be decided anew. */
  rearrange: boolean;
  /** Until then all are given beats. */
  loudUntil: Instant;
  beats: number;
  readonly outstanding: Map<number, Outstanding>;
  /** The last notice in the air that speaks of an address. */
  readonly latest: Map<Ip, number>;
  readonly unheard: Unheard;
  canAnnounce: boolean;
  stale: boolean;
  beatAt: Instant;
  lastTurn: Instant | undefined;
  strangerAt: Instant;
  lastQuery: number;
}

/** Limits of the flag: below, a busy machine is missed in error; above, gossip is as quick. */
export const INTERVAL_LIMITS_MS = { least: 10, most: 5_000 } as const;
/** A paused speaker stops answering before three beats are missing, so none may take over sooner. */
export const MULTIPLIER_LIMITS = { least: 3, most: 20 } as const;
/** An answer of others comes in the time of a beat, and not sooner than a network and a thread take. */
const CONFIRM_BEATS = 0.8;
const LEAST_CONFIRM_MS: Millis = 20;

/** The times of a speaker that beats so often and is missed after so many. */
export function timingOf(intervalMs: Millis, multiplier: number): HeartbeatTiming {
  const confirmMs = Math.max(LEAST_CONFIRM_MS, CONFIRM_BEATS * intervalMs);
  return { intervalMs, multiplier, confirmMs };
}

export const DEFAULT_TIMING: HeartbeatTiming = timingOf(50, 3);

/**
 * Among so many speakers each beats to all others. Among more each beats to its neighbours in a
 * ring, and they to it: what a speaker costs does not grow with the cluster.
 */
export const RING_BEYOND = 32;

/** What a peer did not hear it is told again so much later. */
export const TELL_AGAIN_MS: Millis = 500;

/** Begins without peers. */
export function createMonitor(
  timing: HeartbeatTiming = DEFAULT_TIMING,
  self = "",
  ringBeyond = RING_BEYOND,
): MonitorState {
  return {
    self,
    timing,
    peers: new Map(),
    ringBeyond,
    ring: [],
    near: new Set(),
    watched: new Set(),
    rearrange: false,
    loudUntil: instant(-Infinity),
    beats: 0,
    outstanding: new Map(),
    latest: new Map(),
    unheard: { by: new Set(), at: instant(Infinity), waitMs: TELL_AGAIN_MS },
    canAnnounce: false,
    stale: false,
    beatAt: instant(-Infinity),
    lastTurn: undefined,
    strangerAt: instant(-Infinity),
    lastQuery: 0,
  };
}

/** After so long others miss this speaker: a longer pause may have cost it its addresses. */
export function missedAfterMs({ intervalMs, multiplier }: HeartbeatTiming): Millis {
  return intervalMs * multiplier;
}
