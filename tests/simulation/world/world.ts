import { type Instant, instant, type Random } from "../../../lib/base/time.ts";
import type { Endpoint, GossipEvent, GossipState } from "../../../lib/gossip/state.ts";
import {
  type HeartbeatTiming,
  type MonitorEvent,
  type MonitorState,
  RING_BEYOND,
} from "../../../lib/heartbeat/monitor_state.ts";
import type { Mac } from "../../../lib/net/ethernet.ts";
import { formatIp, type Ip } from "../../../lib/net/ip.ts";
import type { ConflictEvent, ConflictState } from "../../../lib/speaker/conflicts.ts";
import type { createLayer2, Layer2Event } from "../../../lib/speaker/layer2.ts";
import type { Judge, MetallbVersion } from "../../../lib/speaker/judgement.ts";
import type { Liveness } from "../../../lib/speaker/liveness.ts";
import type { OwnershipEvent, OwnershipState } from "../../../lib/speaker/ownership_state.ts";
import type { Unclaimed } from "../../../lib/speaker/unclaimed.ts";
import { OLD_MS, type ViewAge } from "../../../lib/speaker/view_age.ts";
import { ip4 } from "../../support/addresses.ts";
import { createQueue, nextAt, pop, push, type Queue } from "../queue.ts";

// The speakers' own code in a world whose time, chance and network are a seed's. What stands here
// is only what the host does around that code: timers, packets, and who is told what.

/** The machines of a speaker: each may feed the others. */
export interface Feed {
  gossip(event: GossipEvent): void;
  monitor(event: MonitorEvent): void;
  ownership(event: OwnershipEvent): void;
  conflicts(event: ConflictEvent): void;
  layer2(event: Layer2Event): void;
  /** Decides now … */
  decide(): void;
  /** … or once for all that changes at this moment. */
  touch(): void;
  /** Gossip has tried all that were to be found at the start … */
  joined(): void;
  /** … and knows something new. */
  members(): void;
}

/** One run of a speaker's process. */
export interface Speaker {
  /** The machine it runs on. */
  readonly host: string;
  /** Its node's. */
  readonly name: string;
  /** It is MetalLB's, of this version. */
  readonly metallb: MetallbVersion | undefined;
  /** By which text the election ranks nodes for an address. */
  readonly saltOf: (ip: Ip) => string;
  /** By whose rules it judges nodes. */
  judge: Judge;
  readonly feed: Feed;
  readonly endpoint: Endpoint;
  readonly boot: number;
  readonly sinceMs: number;
  readonly gossip: GossipState;
  readonly monitor: MonitorState;
  readonly liveness: Liveness;
  ownership: OwnershipState;
  answering: ReadonlySet<Ip>;
  readonly mac: Mac;
  readonly conflicts: ConflictState;
  readonly layer2: ReturnType<typeof createLayer2>;
  /** As their claims told them, by name. */
  readonly fellowMacs: Map<string, readonly Mac[]>;
  /** Where it beats to. */
  targets: ReadonlyMap<string, Ip>;
  /** Who sent the packet that the heartbeat has before it. */
  heardFrom: Ip;
  /** Its monotonic clock is ahead of the world's by this … */
  clockMs: number;
  /** … and the heartbeat's, which counts the time that the machine was suspended, by this more. */
  suspendedMs: number;
  sequence: number;
  lastNotice: number;
  running: boolean;
  paused: boolean;
  /** Its machine stands still with it … */
  suspended: boolean;
  /** … and what is sent to it is lost. */
  deaf: boolean;
  /** The address by which it joined is gone from its machine. */
  homeless: boolean;
  /** What came while it stood still. */
  readonly inbox: (() => void)[];
  leaseUntil: Instant;
  held: boolean;
  informed: boolean;
  leaving: boolean;
  deciding: boolean;
  nextTick: number;
  /** When each machine asked to be woken, by the clock that it has. */
  readonly due: Record<"monitor" | "gossip" | "ownership" | "conflicts" | "layer2", number>;
  /** By its clock. */
  nextLook: Instant;
  /** It does not know where others may be before. */
  podsKnownAt: number;
  /** The API server is heard from then on; never: it is away. By the world's clock, as the next. */
  apiFrom: number;
  /** Without it, it was last heard then. */
  heardAt: number;
  readonly age: ViewAge;
  readonly unclaimed: Unclaimed;
  nextAge: Instant;
  nextClaims: Instant;
  /** Excluded nodes as it sees them. */
  excluded: ReadonlySet<string>;
}

/** What the network does with a packet between two machines. */
export interface Network {
  loss: number;
  duplication: number;
  delayMs: number;
  jitterMs: number;
  /** `FROM>TO` that carries nothing. */
  readonly cut: Set<string>;
  /** `FROM>TO` whose filter drops heartbeats, and nothing else. */
  readonly beatCut: Set<string>;
  /** `FROM>TO` whose filter drops what goes to the port of the gossip, by UDP and TCP. */
  readonly gossipCut: Set<string>;
  /** Such a filter says that nobody listens, as a rule REJECT does. */
  filterRefuses: boolean;
}

/** What a speaker runs on. */
interface Machine {
  /** Undefined while it has none. */
  address: Ip | undefined;
  readonly mac: Mac;
}

export interface World {
  now: number;
  readonly random: Random;
  readonly network: Network;
  readonly machines: Map<string, Machine>;
  /** So many were given out beside the nodes'. */
  addresses: number;
  /** By the machine. */
  readonly speakers: Map<string, Speaker>;
  /** The nodes; each is called as its machine. */
  readonly names: readonly string[];
  readonly vips: readonly Ip[];
  /** Beyond so many nodes each beats to its neighbours alone. */
  ringBeyond: number;
  /** Speakers of the version before, which know of no ring: they beat to all, and expect it of all. */
  readonly old: Set<string>;
  /** Nodes whose speaker is MetalLB's. */
  readonly metallb: Map<string, MetallbVersion>;
  /** Nodes whose speaker elects by another rule than all others. */
  readonly otherRules: Set<string>;
  /** Addresses at which speakers are expected, and none is … */
  readonly decoys: Ip[];
  /** … and whether somebody refuses there. */
  decoysRefuse: boolean;
  /** Of those that beat at another pace than the default. */
  readonly paces: Map<string, HeartbeatTiming>;
  readonly queue: Queue;
  /** Labels as the API server has them. */
  excluded: Set<string>;
  apiDown: boolean;
  /** Each speaker hears of what changed at a moment of its own, at the latest after so long. */
  labelsMs: number;
  /** Nodes that do not reach it. */
  readonly apiCut: Set<string>;
  /** It tells each watch something so often … */
  signMs: number;
  /** … and whoever hears nothing for so long has an old view. */
  oldMs: number;
  /** Called after each event that may have changed who answers. */
  onStep: () => void;
  /** Who answers may be another since that was last called … */
  stale: boolean;
  /** … and is when a lease ends. */
  leaseEnds: number;
  /** The first in the election, by candidates and address. */
  readonly elected: Map<string, string | undefined>;
  /** So long may a newcomer not know where others are. */
  podsKnownMs: number;
  /** Whom each client's neighbour cache names, by what it heard last. */
  readonly caches: readonly Map<Ip, string>[];
  /** The last announcement of each address, and whose it was. */
  readonly lastFrames: Map<Ip, { readonly by: string; readonly at: number }>;
  /** When each node claimed and announced each address. */
  readonly said: Map<string, number[]>;
  /** Fellows that a speaker took for foreign hosts. */
  readonly accused: string[];
  /** An address was answered by others than before. */
  changes: number;
  trace: number;
}

const CLIENTS = 3;
const FIRST_ADDRESS = 0x0a00_0001;

/** A world without speakers. */
export function createWorld(nodes: number, vips: number, random: Random): World {
  const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  const machineOf = (index: number): Machine => {
    const address = ip4(FIRST_ADDRESS + index);
    return { address, mac: Number(address) as Mac };
  };
  return {
    now: 0,
    random,
    network: {
      loss: 0,
      duplication: 0,
      delayMs: 0.2,
      jitterMs: 0.3,
      cut: new Set(),
      beatCut: new Set(),
      gossipCut: new Set(),
      filterRefuses: false,
    },
    machines: new Map(names.map((name, index) => [name, machineOf(index)])),
    addresses: 0,
    speakers: new Map(),
    names,
    vips: Array.from({ length: vips }, (_, index) => ip4(0x0a4d_0100 + index)),
    ringBeyond: RING_BEYOND,
    old: new Set(),
    metallb: new Map(),
    otherRules: new Set(),
    decoys: [],
    decoysRefuse: true,
    paces: new Map(),
    queue: createQueue(),
    excluded: new Set(),
    apiDown: false,
    labelsMs: 5,
    apiCut: new Set(),
    signMs: 60_000,
    oldMs: OLD_MS,
    onStep: () => undefined,
    stale: true,
    leaseEnds: 0,
    elected: new Map(),
    podsKnownMs: 0,
    caches: Array.from({ length: CLIENTS }, () => new Map()),
    lastFrames: new Map(),
    said: new Map(),
    accused: [],
    changes: 0,
    trace: 0,
  };
}

/** Runs what is due until then. */
export function runUntil(world: World, until: number): void {
  const { queue } = world;
  while (nextAt(queue) <= until) {
    const { at, run } = pop(queue);
    world.now = Math.max(world.now, at);
    run();
    if (!world.stale && world.now < world.leaseEnds) continue;
    world.stale = false;
    world.leaseEnds = nextLeaseEnd(world);
    world.onStep();
  }
  world.now = until;
}

/** Between changes who answers is another only where a lease ends. */
function nextLeaseEnd({ now, speakers }: World): number {
  let earliest = Infinity;
  for (const { leaseUntil, clockMs, suspendedMs, answering } of speakers.values()) {
    const end = leaseUntil - clockMs - suspendedMs;
    if (answering.size > 0 && end > now && end < earliest) earliest = end;
  }
  return earliest;
}

/** Does something after a while. */
export function schedule(world: World, delayMs: number, run: () => void): void {
  push(world.queue, world.now + delayMs, run);
}

/** The speaker's clock. */
export const clock = (world: World, { clockMs }: Speaker): Instant => instant(world.now + clockMs);

/** The clock of its heartbeat and of its lease. */
export const bootClock = (world: World, { clockMs, suspendedMs }: Speaker): Instant =>
  instant(world.now + clockMs + suspendedMs);

/** The machines that answer for the address at this moment. */
export function answering(world: World, ip: Ip): string[] {
  const hosts: string[] = [];
  for (const speaker of world.speakers.values()) {
    const { running, paused, suspended, held, leaseUntil, metallb, answering, host } = speaker;
    if (!running || suspended || !answering.has(ip)) continue;
    // A program in the kernel goes on as long as the lease of a process that stands still.
    const isLent = !(held && !paused) && leaseUntil > bootClock(world, speaker);
    if (metallb === undefined ? isLent : !paused) hosts.push(host);
  }
  return hosts;
}

/** By which all rank nodes for an address, unless they have other rules. */
export const saltOf = (ip: Ip): string => formatIp(ip);
