import { after, type Instant, instant, type Random } from "../../lib/base/time.ts";
import {
  createGossip,
  type Endpoint,
  type GossipAction,
  type GossipState,
} from "../../lib/gossip/state.ts";
import { localStates } from "../../lib/gossip/told.ts";
import type { NodeState } from "../../lib/gossip/message.ts";
import { announcementOf } from "../../lib/gossip/meta.ts";
import {
  aliveMembers,
  nextDeadline as gossipDeadline,
  step as stepGossip,
} from "../../lib/gossip/step.ts";
import {
  type ConflictAction,
  type ConflictEvent,
  type ConflictState,
  createConflicts,
  nextDeadline as conflictDeadline,
  step as stepConflicts,
} from "../../lib/speaker/conflicts.ts";
import {
  createLayer2,
  type Layer2Event,
  nextDeadline as layer2Deadline,
  step as stepLayer2,
} from "../../lib/speaker/layer2.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import { piecesOf } from "../../lib/heartbeat/notice.ts";
import type { HeartbeatPacket, Notice } from "../../lib/heartbeat/packet.ts";
import {
  nextDeadline as monitorDeadline,
  step as stepMonitor,
} from "../../lib/heartbeat/monitor.ts";
import {
  createMonitor,
  type HeartbeatTiming,
  missedAfterMs,
  type MonitorAction,
  type MonitorState,
  RING_BEYOND,
} from "../../lib/heartbeat/monitor_state.ts";
import type { Ip } from "../../lib/net/ip.ts";
import { precedes, rankCandidates } from "../../lib/speaker/election.ts";
import {
  claimed,
  nextDeadline as ownershipDeadline,
  step as stepOwnership,
} from "../../lib/speaker/ownership.ts";
import {
  createOwnership,
  type OwnershipAction,
  type OwnershipEvent,
  type OwnershipState,
} from "../../lib/speaker/ownership_state.ts";
import {
  createLiveness,
  hasCurrentFellow,
  HEAR_MS,
  judge,
  type Liveness,
  liveNodes,
  nextVerdict,
  onCanAnnounce,
  onDown,
  onLeaving,
  onUp,
  onVouched,
  setCanAnnounce as setFit,
  setMembers,
  staleFellows,
} from "../../lib/speaker/liveness.ts";
import {
  createUnclaimed,
  nobodys,
  onClaimed,
  onElected,
  onHeard,
  onReleased,
  type Unclaimed,
} from "../../lib/speaker/unclaimed.ts";
import { rosterOf } from "../../lib/speaker/roster.ts";
import {
  createViewAge,
  givesWay,
  nextAge,
  OLD_MS,
  onAge,
  standsBack,
  type ViewAge,
} from "../../lib/speaker/view_age.ts";
import { ip4 } from "../support/addresses.ts";
import { createQueue, nextAt, pop, push, type Queue } from "./queue.ts";

// The speakers' own code in a world whose time, chance and network are a seed's. What stands here
// is only what the host does around that code: timers, packets, and who is told what.

/** One run of a speaker's process. */
export interface Speaker {
  readonly name: string;
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
  /** As their claims told them. */
  readonly fellowMacs: Set<Mac>;
  /** Its monotonic clock is ahead of the world's by this. */
  readonly clockMs: number;
  sequence: number;
  lastNotice: number;
  running: boolean;
  paused: boolean;
  /** What came while it stood still. */
  readonly inbox: (() => void)[];
  leaseUntil: Instant;
  held: boolean;
  informed: boolean;
  leaving: boolean;
  deciding: boolean;
  nextTick: number;
  /** When each machine asked to be woken, by the speaker's clock. */
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
  /** Excluded nodes as it sees them. */
  excluded: ReadonlySet<string>;
}

/** What the network does with a packet between two nodes. */
export interface Network {
  loss: number;
  duplication: number;
  delayMs: number;
  jitterMs: number;
  /** `FROM>TO` that carries nothing. */
  readonly cut: Set<string>;
  /** `FROM>TO` whose filter drops heartbeats, and nothing else. */
  readonly beatCut: Set<string>;
  /** Such a filter says that nobody listens, as a rule REJECT does. */
  filterRefuses: boolean;
}

export interface World {
  now: number;
  readonly random: Random;
  readonly network: Network;
  readonly speakers: Map<string, Speaker>;
  readonly names: readonly string[];
  readonly vips: readonly Ip[];
  /** Beyond so many nodes each beats to its neighbours alone. */
  ringBeyond: number;
  /** Speakers of the version before, which know of no ring: they beat to all, and expect it of all. */
  readonly old: Set<string>;
  /** Of those that beat at another pace than the default. */
  readonly paces: Map<string, HeartbeatTiming>;
  readonly queue: Queue;
  /** Labels as the API server has them. */
  excluded: Set<string>;
  apiDown: boolean;
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

const PORT = 7946;
const CLIENTS = 3;
const IFINDEX = 2;
/** The time for a stream of gossip. */
const STREAM_MS = 10_000;
const LONG_PAUSE_MS = 500;

/** A world without speakers. */
export function createWorld(nodes: number, vips: number, random: Random): World {
  const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
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
      filterRefuses: false,
    },
    speakers: new Map(),
    names,
    vips: Array.from({ length: vips }, (_, index) => ip4(0x0a4d_0100 + index)),
    ringBeyond: RING_BEYOND,
    old: new Set(),
    paces: new Map(),
    queue: createQueue(),
    excluded: new Set(),
    apiDown: false,
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
  for (const { leaseUntil, clockMs, answering } of speakers.values()) {
    const end = leaseUntil - clockMs;
    if (answering.size > 0 && end > now && end < earliest) earliest = end;
  }
  return earliest;
}

/** Does something after a while. */
export function schedule(world: World, delayMs: number, run: () => void): void {
  push(world.queue, world.now + delayMs, run);
}

/** A new process on the node. */
export function startSpeaker(world: World, name: string): Speaker {
  const endpoint = { address: addressOf(world, name), port: PORT };
  const clockMs = world.random() * 1e6;
  const boot = Math.floor(world.random() * 2 ** 32);
  const sinceMs = Math.floor(world.now);
  const speaker: Speaker = {
    name,
    endpoint,
    boot,
    sinceMs,
    gossip: createGossip(
      { name, ...endpoint },
      announcementOf({
        port: PORT + 1,
        boot,
        inRing: !world.old.has(name),
        sinceMs,
        canAnnounce: false,
        view: "current",
      }),
      instant(world.now + clockMs),
    ),
    monitor: createMonitor(
      world.paces.get(name),
      name,
      world.old.has(name) ? Infinity : world.ringBeyond,
    ),
    liveness: createLiveness(name),
    ownership: createOwnership(name, precedes),
    answering: new Set(),
    mac: Number(endpoint.address) as Mac,
    conflicts: createConflicts(),
    layer2: createLayer2(),
    fellowMacs: new Set(),
    clockMs,
    sequence: 0,
    lastNotice: 0,
    running: true,
    paused: false,
    inbox: [],
    leaseUntil: instant(-Infinity),
    held: false,
    informed: false,
    leaving: false,
    deciding: false,
    nextTick: Infinity,
    due: {
      monitor: -Infinity,
      gossip: -Infinity,
      ownership: Infinity,
      conflicts: Infinity,
      layer2: Infinity,
    },
    nextLook: instant(-Infinity),
    podsKnownAt: world.now +
      (hearsApi(world, { name }) ? world.podsKnownMs * world.random() : Infinity),
    apiFrom: hearsApi(world, { name }) ? world.now - world.signMs * world.random() : Infinity,
    heardAt: world.now,
    age: createViewAge(),
    unclaimed: createUnclaimed(),
    nextAge: instant(-Infinity),
    excluded: new Set(world.excluded),
  };
  world.speakers.set(name, speaker);
  world.stale = true;
  const { mac } = speaker;
  const interfaces = [{ ifindex: IFINDEX, mac, inner: false }];
  advanceLayer2(world, speaker, { kind: "interfaces", interfaces });
  tick(world, speaker);
  lookAtAge(world, speaker);
  if (speaker.podsKnownAt > world.now) {
    const tell = () => gossipEvent(world, speaker, { kind: "join-soon" });
    schedule(world, speaker.podsKnownAt - world.now, () => act(world, speaker, tell));
  }
  return speaker;
}

const clock = (world: World, { clockMs }: Speaker): Instant => instant(world.now + clockMs);

/** As the host does: hear the nodes that gossip found, and be heard, before anything is taken. */
function becomeReady(world: World, speaker: Speaker, waitedMs: number): void {
  act(world, speaker, () => {
    if (speaker.liveness.unheard.size > 0 && waitedMs < HEAR_MS) {
      return schedule(world, 10, () => becomeReady(world, speaker, waitedMs + 10));
    }
    notify(world, speaker, { what: "release", ips: [] }, () => {
      speaker.informed = true;
      setCanAnnounce(world, speaker, true);
      touch(world, speaker);
    });
  });
}

function setCanAnnounce(world: World, speaker: Speaker, canAnnounce: boolean): void {
  setFit(speaker.liveness, canAnnounce, clock(world, speaker));
  advanceMonitor(world, speaker, { kind: "can-announce", canAnnounce });
  tellByGossip(world, speaker);
}

function tellByGossip(world: World, speaker: Speaker): void {
  const { age: { state: view }, boot, liveness, sinceMs } = speaker;
  const canAnnounce = liveness.fitness.canAnnounceSince !== undefined;
  const inRing = !world.old.has(speaker.name);
  const meta = announcementOf({ port: PORT + 1, boot, inRing, sinceMs, canAnnounce, view });
  gossipEvent(world, speaker, { kind: "meta", meta });
}

/** When the API server last told it something, by its clock. */
function heardAt(world: World, { apiFrom, clockMs, heardAt }: Speaker): Instant {
  const signs = Math.floor((world.now - apiFrom) / world.signMs);
  return instant(clockMs + (world.now >= apiFrom ? apiFrom + signs * world.signMs : heardAt));
}

/** Compares its view with the others', and looks again when that may have changed. */
function lookAtAge(world: World, speaker: Speaker): void {
  act(world, speaker, () => {
    const { age, gossip, liveness } = speaker;
    const now = clock(world, speaker);
    const at = heardAt(world, speaker);
    const verdicts = judge(liveness, { known: gossip.members, pods: undefined }, now);
    const othersCurrent = hasCurrentFellow(liveness, verdicts);
    if (onAge(age, { heardAt: at, othersCurrent }, now, world.oldMs)) tellByGossip(world, speaker);
    touch(world, speaker);
    const next = nextAge(age, at, now, world.oldMs);
    if (speaker.nextAge > now && speaker.nextAge <= next) return;
    speaker.nextAge = next;
    schedule(world, next - now, () => {
      if (speaker.nextAge === next) lookAtAge(world, speaker);
    });
  });
}

/** Runs what happens to a process: at once, later if it stands still, never if it is gone. */
function act(world: World, speaker: Speaker, run: () => void): void {
  if (!speaker.running || world.speakers.get(speaker.name) !== speaker) return;
  if (speaker.paused) speaker.inbox.push(run);
  else run();
}

/** Carries something to another node, or not. */
function carry(world: World, from: string, to: string, run: (speaker: Speaker) => void): void {
  const { network, random } = world;
  const copies = random() < network.duplication ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) {
    if (isCut(network.cut, from, to) || random() < network.loss) continue;
    schedule(world, network.delayMs + network.jitterMs * random(), () => {
      const speaker = world.speakers.get(to);
      if (speaker !== undefined && !isCut(network.cut, from, to)) {
        act(world, speaker, () => run(speaker));
      }
    });
  }
}

function isCut(pairs: ReadonlySet<string>, from: string, to: string): boolean {
  return pairs.size > 0 && pairs.has(`${from}>${to}`);
}

function addressOf(world: World, name: string): Ip {
  return ip4(0x0a00_0001 + world.names.indexOf(name));
}

function nameOf(world: World, { address }: Endpoint): string {
  return world.names[Number(address) - 0x0a00_0001] ?? "";
}

/** Wakes the machines that asked for it: each has a timer of its own. */
function tick(world: World, speaker: Speaker): void {
  const { due } = speaker;
  const event = { kind: "tick" } as const;
  const isDue = (machine: keyof typeof due) => due[machine] <= clock(world, speaker);
  if (isDue("monitor")) advanceMonitor(world, speaker, event);
  if (isDue("gossip")) gossipEvent(world, speaker, event);
  if (isDue("ownership")) advanceOwnership(world, speaker, event);
  if (isDue("conflicts")) advanceConflicts(world, speaker, event);
  if (isDue("layer2")) advanceLayer2(world, speaker, event);
  wake(world, speaker);
}

/** Each machine is woken when it asked for it, and never a thousand times at one moment. */
function plan(world: World, speaker: Speaker, machine: keyof Speaker["due"]): void {
  speaker.due[machine] = deadlineOf(world, speaker, machine);
  wake(world, speaker);
}

function wake(world: World, speaker: Speaker): void {
  const { clockMs, due } = speaker;
  const { monitor, gossip, ownership, conflicts, layer2 } = due;
  const first = Math.min(monitor, gossip, ownership, conflicts, layer2);
  const at = Math.max(first - clockMs, world.now + 0.05);
  if (at >= speaker.nextTick && speaker.nextTick > world.now) return;
  speaker.nextTick = at;
  schedule(world, at - world.now, () => {
    if (speaker.nextTick !== at) return;
    act(world, speaker, () => {
      speaker.nextTick = Infinity;
      tick(world, speaker);
    });
  });
}

function deadlineOf(world: World, speaker: Speaker, machine: keyof Speaker["due"]): number {
  switch (machine) {
    case "monitor":
      return monitorDeadline(speaker.monitor, clock(world, speaker));
    case "gossip":
      return gossipDeadline(speaker.gossip);
    case "ownership":
      return ownershipDeadline(speaker.ownership) ?? Infinity;
    case "conflicts":
      return conflictDeadline(speaker.conflicts) ?? Infinity;
    case "layer2":
      return layer2Deadline(speaker.layer2) ?? Infinity;
  }
}

function advanceGossip(world: World, speaker: Speaker, actions: readonly GossipAction[]): void {
  let changed = false;
  for (const action of actions) {
    if (action.kind === "member") changed = true;
    if (action.kind === "push-pull") exchange(world, speaker, action.to);
    if (action.kind === "join") {
      const { address } = action.to;
      const ended = () => gossipEvent(world, speaker, { kind: "join-ended", address });
      exchange(world, speaker, action.to, ended);
    }
    if (action.kind === "candidates") {
      const addresses = world.names.map((name) => addressOf(world, name));
      const complete = world.now >= speaker.podsKnownAt;
      const known = complete ? addresses : [];
      gossipEvent(world, speaker, { kind: "candidates", addresses: known, complete });
    }
    if (action.kind === "vouched") {
      onVouched(speaker.liveness, action.name, action.answers);
      touch(world, speaker);
    }
    if (action.kind === "first-join-over") becomeReady(world, speaker, 0);
    if (action.kind === "tcp-ping") {
      const { to, node, sequence } = action;
      carry(world, speaker.name, nameOf(world, to), (other) => {
        if (other.name !== node) return;
        carry(
          world,
          other.name,
          speaker.name,
          (back) => gossipEvent(world, back, { kind: "tcp-ack", sequence }),
        );
      });
    }
    if (action.kind !== "send") continue;
    for (const message of action.messages) {
      carry(
        world,
        speaker.name,
        nameOf(world, action.to),
        (other) => {
          if (message.kind === "ping") gossipEvent(world, other, fitnessOf(world, other));
          gossipEvent(world, other, { kind: "message", message, from: speaker.endpoint });
        },
      );
    }
  }
  if (changed) membersChanged(world, speaker);
}

/** Whether it could answer for its addresses now. */
function fitnessOf(world: World, { held, leaseUntil, liveness }: Speaker) {
  const awake = !held && leaseUntil > world.now;
  return {
    kind: "fitness",
    unfit: !awake || liveness.fitness.canAnnounceSince === undefined,
  } as const;
}

function gossipEvent(
  world: World,
  speaker: Speaker,
  event: Parameters<typeof stepGossip>[1],
): void {
  const actions = stepGossip(speaker.gossip, event, clock(world, speaker), world.random);
  advanceGossip(world, speaker, actions);
  plan(world, speaker, "gossip");
}

/**
 * A push/pull by TCP: the kernel repeats what is lost until the time for a stream is over, and
 * refuses at once where no process listens.
 */
function exchange(world: World, speaker: Speaker, to: Endpoint, ended?: () => void): void {
  const peer = nameOf(world, to);
  const states = localStates(speaker.gossip);
  let answer: readonly NodeState[] | undefined;
  let open = true;
  const end = (nodes: readonly NodeState[]) => {
    if (!open) return;
    open = false;
    gossipEvent(world, speaker, { kind: "merge", nodes });
    ended?.();
  };
  const reply = (nodes: readonly NodeState[]) =>
    carry(world, peer, speaker.name, (back) => back === speaker && end(nodes));
  const send = (waitMs: number): void => {
    if (!open || !speaker.running) return;
    const isListening = world.speakers.get(peer)?.running === true;
    if (!isListening && !world.network.cut.has(`${speaker.name}>${peer}`)) reply([]);
    carry(world, speaker.name, peer, (other) => {
      if (answer === undefined) gossipEvent(world, other, { kind: "merge", nodes: states });
      reply(answer ??= localStates(other.gossip));
    });
    schedule(world, waitMs, () => send(2 * waitMs));
  };
  send(1_000);
  schedule(world, STREAM_MS, () => act(world, speaker, () => end([])));
}

function membersChanged(world: World, speaker: Speaker): void {
  const alive = aliveMembers(speaker.gossip);
  const { beating: peers, view } = rosterOf(alive, speaker.gossip.members, speaker.sinceMs);
  setMembers(speaker.liveness, view, clock(world, speaker));
  const isOld = world.old.has(speaker.name);
  const known = isOld ? peers.map((peer) => ({ ...peer, inRing: false })) : peers;
  advanceMonitor(world, speaker, { kind: "peers", peers: known });
  touch(world, speaker);
  lookAgain(world, speaker);
}

/** Some verdicts change with time alone. */
function lookAgain(world: World, speaker: Speaker): void {
  const now = clock(world, speaker);
  const due = nextVerdict(speaker.liveness, now);
  if (due === undefined || (speaker.nextLook > now && speaker.nextLook <= due)) return;
  speaker.nextLook = due;
  schedule(world, due - now + 1, () =>
    act(world, speaker, () => {
      touch(world, speaker);
      lookAgain(world, speaker);
    }));
}

function advanceMonitor(
  world: World,
  speaker: Speaker,
  event: Parameters<typeof stepMonitor>[1],
): void {
  const actions = stepMonitor(speaker.monitor, event, clock(world, speaker), world.random);
  for (const action of actions) perform(world, speaker, action);
  plan(world, speaker, "monitor");
}

function perform(world: World, speaker: Speaker, action: MonitorAction): void {
  const { liveness, name } = speaker;
  switch (action.kind) {
    case "send": {
      const refused = { kind: "refused", name: action.to } as const;
      if (isCut(world.network.beatCut, name, action.to)) {
        if (!world.network.filterRefuses) return;
        return carry(world, action.to, name, (back) => advanceMonitor(world, back, refused));
      }
      const { boot } = speaker;
      const packet = { sender: name, boot, sequence: ++speaker.sequence, body: action.body };
      carry(
        world,
        name,
        action.to,
        (other) => hear(world, other, packet),
      );
      const target = world.speakers.get(action.to);
      // A living machine's kernel tells that nobody listens.
      if (
        target !== undefined && !target.running && !world.network.cut.has(`${name}>${target.name}`)
      ) {
        carry(
          world,
          target.name,
          name,
          (back) => advanceMonitor(world, back, refused),
        );
      }
      return;
    }
    case "up": {
      const returned = onUp(liveness, action.name);
      gossipEvent(world, speaker, { kind: "heard", name: action.name });
      tellClaims(world, speaker);
      if (returned) advanceOwnership(world, speaker, { kind: "returned" });
      return touch(world, speaker);
    }
    case "down":
      onDown(liveness, action.name, clock(world, speaker));
      gossipEvent(world, speaker, { kind: "doubt", name: action.name });
      lookAgain(world, speaker);
      return touch(world, speaker);
    case "can-announce":
      onCanAnnounce(liveness, action.name, action.canAnnounce);
      return touch(world, speaker);
    case "notice": {
      const { notice, id, name: from } = action;
      if (notice.what === "leaving") onLeaving(liveness, from);
      decide(world, speaker);
      if (notice.what === "claim") {
        for (const mac of notice.macs) speaker.fellowMacs.add(mac);
        const own = new Set([speaker.mac]);
        advanceConflicts(world, speaker, { kind: "known", own, fellows: speaker.fellowMacs });
      }
      if (notice.what === "claim") onClaimed(speaker.unclaimed, from, notice.ips);
      if (notice.what === "release") {
        onReleased(speaker.unclaimed, from, notice.ips, clock(world, speaker));
      }
      if (notice.what !== "leaving") {
        advanceOwnership(world, speaker, { kind: notice.what, from, ips: notice.ips });
      }
      return advanceMonitor(world, speaker, { kind: "acknowledge", name: from, id });
    }
    case "stranger": {
      const { name } = action;
      advanceConflicts(world, speaker, { kind: "stranger" });
      return gossipEvent(world, speaker, { kind: "ask", name, address: addressOf(world, name) });
    }
    case "settled":
      settlers.get(speaker)?.get(action.id)?.();
      settlers.get(speaker)?.delete(action.id);
      return;
    case "unheard":
      return tellClaims(world, speaker);
    case "paused":
      world.stale = true;
      speaker.held = true;
      gossipEvent(world, speaker, { kind: "paused" });
      if (action.ms >= LONG_PAUSE_MS) {
        speaker.ownership = createOwnership(name, precedes);
        speaker.answering = new Set();
        advanceLayer2(world, speaker, { kind: "owned", ips: [] });
        advanceConflicts(world, speaker, { kind: "owned", ips: [] });
        speaker.informed = false;
        setCanAnnounce(world, speaker, false);
        schedule(world, 0, () => becomeReady(world, speaker, 0));
      }
      return schedule(world, 20, () =>
        act(world, speaker, () => {
          world.stale = true;
          speaker.held = false;
          speaker.leaseUntil = after(
            clock(world, speaker),
            missedAfterMs(speaker.monitor.timing) / 3,
          );
        }));
    case "awake":
      if (speaker.held) return;
      if (speaker.leaseUntil <= clock(world, speaker)) world.stale = true;
      speaker.leaseUntil = action.until;
      return;
  }
}

/** What the version before reads of it: its beats say nothing of a ring, and that others are missed is no news. */
function hear(world: World, speaker: Speaker, packet: HeartbeatPacket): void {
  const { body } = packet;
  if (!world.old.has(speaker.name)) {
    return advanceMonitor(world, speaker, { kind: "packet", packet });
  }
  if (body.kind === "missed") return;
  const read = body.kind === "beat" ? { ...body, ringed: false } : body;
  advanceMonitor(world, speaker, { kind: "packet", packet: { ...packet, body: read } });
}

const settlers = new WeakMap<Speaker, Map<number, () => void>>();

function notify(world: World, speaker: Speaker, notice: Notice, settled?: () => void): void {
  const id = ++speaker.lastNotice;
  if (settled !== undefined) {
    const waiting = settlers.get(speaker) ?? new Map();
    settlers.set(speaker, waiting.set(id, settled));
  }
  advanceMonitor(world, speaker, { kind: "notify", id, notice });
}

function tellClaims(world: World, speaker: Speaker): void {
  const ips = claimed(speaker.ownership);
  for (const notice of piecesOf({ what: "claim", ips, macs: [speaker.mac] })) {
    notify(world, speaker, notice);
  }
}

/** What changes at one moment is decided once, a moment later. */
function touch(world: World, speaker: Speaker): void {
  if (speaker.deciding) return;
  speaker.deciding = true;
  schedule(world, 0.2 * world.random(), () => act(world, speaker, () => decide(world, speaker)));
}

function decide(world: World, speaker: Speaker): void {
  speaker.deciding = false;
  if (!speaker.informed || speaker.leaving || world.now < speaker.podsKnownAt) return;
  const sightings = { known: speaker.gossip.members, pods: undefined };
  const live = liveNodes(judge(speaker.liveness, sightings, clock(world, speaker)));
  const { age, liveness } = speaker;
  const now = clock(world, speaker);
  const others = staleFellows(liveness);
  const withSelf = (is: boolean) => new Set(is ? [...others, speaker.name] : others);
  const stale = withSelf(standsBack(age, now));
  const candidates = [...live].filter((name) => !speaker.excluded.has(name));
  const seeing = candidates.filter((name) => !stale.has(name));
  const unseeing = candidates.filter((name) => stale.has(name));
  const eligible = seeing.length > 0 ? seeing : candidates.length > 0 ? candidates : [...live];
  advanceOwnership(world, speaker, { kind: "fellows", names: new Set(liveness.up) });
  const { name, unclaimed } = speaker;
  onHeard(unclaimed, liveness.up, now);
  const left = nobodys(unclaimed, stale.has(name), liveness.up, now);
  advanceOwnership(world, speaker, { kind: "stale", names: withSelf(givesWay(age, now)) });
  const wishes = world.vips.map((ip) => {
    const isLeft = left.has(ip) && electedOf(world, unseeing, ip) === name;
    const owner = isLeft ? name : electedOf(world, eligible, ip);
    onElected(unclaimed, ip, owner === name ? undefined : owner, now);
    return { ip, salt: String(ip), own: owner === speaker.name, owner, canLinger: true };
  });
  advanceOwnership(world, speaker, { kind: "wishes", wishes });
}

/** Hashing is half of what a world computes, and few outcomes are possible. */
function electedOf({ elected }: World, candidates: readonly string[], ip: Ip): string | undefined {
  const key = `${ip} ${candidates.toSorted().join()}`;
  let owner = elected.get(key);
  if (owner === undefined) {
    [owner] = rankCandidates(candidates, String(ip));
    elected.set(key, owner);
  }
  return owner;
}

function advanceOwnership(world: World, speaker: Speaker, event: OwnershipEvent): void {
  const actions = stepOwnership(speaker.ownership, event, clock(world, speaker));
  for (const action of actions) performOwnership(world, speaker, action);
  plan(world, speaker, "ownership");
}

function performOwnership(world: World, speaker: Speaker, action: OwnershipAction): void {
  if (action.kind === "answer") {
    const { ips, quiet, resumed } = action;
    speaker.answering = new Set(ips);
    world.stale = true;
    advanceLayer2(world, speaker, { kind: "owned", ips, quiet, ...resumed && { resumed } });
    const announced = ips.filter((ip) => !quiet.includes(ip));
    advanceConflicts(world, speaker, { kind: "owned", ips: announced });
    world.changes++;
    world.trace = (world.trace * 31 + Math.round(world.now * 1000) + action.ips.length) % 2 ** 40;
  } else if (action.kind === "claim") {
    for (const ip of action.ips) note(world, `claim of ${ip} by ${speaker.name}`);
    notify(world, speaker, { what: "claim", ips: action.ips, macs: [speaker.mac] });
  } else if (action.kind === "release") {
    notify(world, speaker, { what: "release", ips: action.ips });
  } else {
    advanceLayer2(world, speaker, { kind: "again", ips: action.ips });
  }
}

function advanceLayer2(world: World, speaker: Speaker, event: Layer2Event): void {
  const { actions } = stepLayer2(speaker.layer2, event, clock(world, speaker));
  for (const action of actions) {
    if (action.kind === "gratuitous") announce(world, speaker, action.ip);
  }
  plan(world, speaker, "layer2");
}

/** A gratuitous frame to all. */
function announce(world: World, speaker: Speaker, ip: Ip): void {
  const { mac, name } = speaker;
  world.lastFrames.set(ip, { by: name, at: world.now });
  note(world, `announcement of ${ip} by ${name}`);
  const event = { kind: "seen", ip, mac, ifindex: IFINDEX } as const;
  for (const fellow of world.names) {
    if (fellow === name) continue;
    carry(world, name, fellow, (other) => {
      // The packet Worker tells of frames with addresses that it answers for.
      if (other.answering.has(ip)) advanceConflicts(world, other, event);
    });
  }
  const { network: { delayMs, jitterMs }, random } = world;
  for (const cache of world.caches) {
    schedule(world, delayMs + jitterMs * random(), () => {
      if (cache.get(ip) !== name) world.stale = true;
      cache.set(ip, name);
    });
  }
}

function note({ now, said }: World, what: string): void {
  const times = said.get(what);
  if (times === undefined) said.set(what, [now]);
  else times.push(now);
}

function advanceConflicts(world: World, speaker: Speaker, event: ConflictEvent): void {
  const actions: ConflictAction[] = stepConflicts(speaker.conflicts, event, clock(world, speaker));
  for (const action of actions) {
    if (action.kind === "defend") {
      advanceLayer2(world, speaker, { kind: "again", ips: [action.ip] });
    }
    if (action.kind !== "tell") continue;
    const fellow = world.names.find((name) => Number(addressOf(world, name)) === action.mac) ?? "";
    // Nobody can know of one that was gone before it was known, and that had the address: so it did.
    const isKnown = speaker.gossip.members.has(fellow) || speaker.liveness.met.has(fellow);
    if (world.speakers.get(fellow)?.running === false && !isKnown) continue;
    world.accused.push(`${speaker.name} accuses ${fellow} at ${world.now}`);
  }
  plan(world, speaker, "conflicts");
}

/** The API server's labels reach a speaker, each at its own moment; not while the API is down. */
export function setExcluded(world: World, excluded: ReadonlySet<string>): void {
  world.excluded = new Set(excluded);
  for (const speaker of world.speakers.values()) tellLabels(world, speaker);
}

function tellLabels(world: World, speaker: Speaker): void {
  if (!hearsApi(world, speaker)) return;
  schedule(world, 5 * world.random(), () =>
    act(world, speaker, () => {
      if (!hearsApi(world, speaker)) return;
      speaker.heardAt = world.now;
      speaker.excluded = new Set(world.excluded);
      touch(world, speaker);
    }));
}

function hearsApi(world: World, { name }: Pick<Speaker, "name">): boolean {
  return !world.apiDown && !world.apiCut.has(name);
}

/** The API server goes or comes back; then everybody lists again. */
export function setApiDown(world: World, down: boolean): void {
  world.apiDown = down;
  for (const speaker of world.speakers.values()) connectApi(world, speaker);
}

/** The way from one node to the API server is cut or mended. */
export function cutApi(world: World, name: string, cut: boolean): void {
  if (cut) world.apiCut.add(name);
  else world.apiCut.delete(name);
  const speaker = world.speakers.get(name);
  if (speaker !== undefined) connectApi(world, speaker);
}

/** Each finds the server again at its own moment, within five seconds. */
function connectApi(world: World, speaker: Speaker): void {
  if (!hearsApi(world, speaker)) {
    speaker.heardAt = heardAt(world, speaker) - speaker.clockMs;
    speaker.apiFrom = Infinity;
    return;
  }
  if (speaker.apiFrom < Infinity) return;
  schedule(world, 5_000 * world.random(), () => {
    if (!hearsApi(world, speaker)) return;
    speaker.apiFrom = world.now;
    if (speaker.podsKnownAt === Infinity) {
      speaker.podsKnownAt = world.now;
      act(world, speaker, () => gossipEvent(world, speaker, { kind: "join-soon" }));
    }
    tellLabels(world, speaker);
  });
}

/** Kills the process; nothing of it is left. */
export function kill(world: World, name: string): void {
  const speaker = world.speakers.get(name);
  if (speaker === undefined) return;
  speaker.running = false;
  world.stale = true;
}

/** SIGTERM: hands over, says goodbye, ends. */
export function leave(world: World, name: string): void {
  const speaker = world.speakers.get(name);
  if (speaker === undefined) return;
  act(world, speaker, () => {
    speaker.leaving = true;
    gossipEvent(world, speaker, { kind: "ending" });
    advanceOwnership(world, speaker, { kind: "leave" });
    const end = () =>
      act(world, speaker, () => {
        if (
          world.vips.some((ip) => speaker.answering.has(ip)) && speaker.liveness.up.size > 0
        ) {
          schedule(world, 1, end);
          return;
        }
        gossipEvent(world, speaker, { kind: "leave" });
        schedule(world, 20, () => act(world, speaker, () => kill(world, name)));
      });
    notify(world, speaker, { what: "leaving" }, end);
  });
}

/** The process stands still, and goes on with what came meanwhile. */
export function pause(world: World, name: string, ms: number): void {
  const speaker = world.speakers.get(name);
  if (speaker === undefined || speaker.paused || !speaker.running) return;
  speaker.paused = true;
  world.stale = true;
  schedule(world, ms, () => {
    speaker.paused = false;
    world.stale = true;
    if (!speaker.running || world.speakers.get(name) !== speaker) return;
    // The thread of the heartbeat looks at the clock before it looks at its packets.
    advanceMonitor(world, speaker, { kind: "tick" });
    for (const run of speaker.inbox.splice(0)) run();
    tick(world, speaker);
  });
}

/** Who answers for the address at this moment. */
export function answering(world: World, ip: Ip): string[] {
  const names: string[] = [];
  for (const speaker of world.speakers.values()) {
    const { running, paused, held, leaseUntil, answering, name } = speaker;
    // A program in the kernel goes on as long as the lease of a process that stands still.
    if (
      running && !(held && !paused) && leaseUntil > clock(world, speaker) && answering.has(ip)
    ) {
      names.push(name);
    }
  }
  return names;
}
