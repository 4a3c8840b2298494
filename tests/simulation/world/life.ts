import { instant } from "../../../lib/base/time.ts";
import { createGossip } from "../../../lib/gossip/state.ts";
import { createMonitor } from "../../../lib/heartbeat/monitor_state.ts";
import { ip4 } from "../../support/addresses.ts";
import { createConflicts } from "../../../lib/speaker/conflicts.ts";
import { precedes } from "../../../lib/speaker/election.ts";
import { createLayer2 } from "../../../lib/speaker/layer2.ts";
import { createLiveness } from "../../../lib/speaker/liveness.ts";
import { createOwnership } from "../../../lib/speaker/ownership_state.ts";
import { createUnclaimed } from "../../../lib/speaker/unclaimed.ts";
import { createViewAge } from "../../../lib/speaker/view_age.ts";
import { advanceConflicts, advanceLayer2, advanceOwnership, IFINDEX } from "./answers.ts";
import { hearsApi } from "./api.ts";
import { advanceMonitor } from "./beating.ts";
import { decide, touch } from "./deciding.ts";
import { becomeReady, lookAtAge, metaOf } from "./fitness.ts";
import { advanceGossip, membersChanged } from "./gossiping.ts";
import { metallbFeed } from "./metallb_member.ts";
import { act, PORT } from "./network.ts";
import { notify } from "./notices.ts";
import { tick } from "./timers.ts";
import { type Feed, saltOf, schedule, type Speaker, type World } from "./world.ts";

/** A new process on the machine, of the node of that name. */
export function startSpeaker(world: World, host: string, name = host): Speaker {
  const speaker = createSpeaker(world, host, name);
  world.speakers.set(host, speaker);
  world.stale = true;
  const { feed, mac } = speaker;
  feed.layer2({ kind: "interfaces", interfaces: [{ ifindex: IFINDEX, mac, inner: false }] });
  tick(world, speaker);
  if (speaker.metallb === undefined) lookAtAge(world, speaker);
  if (speaker.podsKnownAt > world.now) {
    const tell = () => feed.gossip({ kind: "join-soon" });
    schedule(world, speaker.podsKnownAt - world.now, () => act(world, speaker, tell));
  }
  return speaker;
}

function createSpeaker(world: World, host: string, name: string): Speaker {
  const machine = world.machines.get(host);
  if (machine?.address === undefined) throw new RangeError(`No machine ${host}, or no address`);
  const endpoint = { address: machine.address, port: PORT };
  const clockMs = world.random() * 1e6;
  const boot = Math.floor(world.random() * 2 ** 32);
  const sinceMs = Math.floor(world.now);
  const age = createViewAge();
  const liveness = createLiveness(name);
  const meta = metaOf(world, { age, boot, liveness, name, sinceMs });
  const metallb = world.metallb.get(host);
  const told = metallb === undefined ? meta : new Uint8Array();
  const isOld = world.old.has(name);
  const hears = hearsApi(world, { host });
  const feed: Feed = {
    gossip: (event) => advanceGossip(world, speaker, event),
    monitor: (event) => advanceMonitor(world, speaker, event),
    ownership: (event) => advanceOwnership(world, speaker, event),
    conflicts: (event) => advanceConflicts(world, speaker, event),
    layer2: (event) => advanceLayer2(world, speaker, event),
    decide: () => decide(world, speaker),
    touch: () => touch(world, speaker),
    joined: () => becomeReady(world, speaker, 0),
    members: () => membersChanged(world, speaker),
  };
  const speaker: Speaker = {
    host,
    name,
    metallb,
    saltOf: world.otherRules.has(host) ? (ip) => `default/web-${ip}` : saltOf,
    judge: "Herald",
    feed: metallb === undefined ? feed : metallbFeed(world, feed, () => speaker),
    endpoint,
    boot,
    sinceMs,
    gossip: createGossip({ name, ...endpoint }, told, instant(world.now + clockMs)),
    monitor: createMonitor(world.paces.get(name), name, isOld ? Infinity : world.ringBeyond),
    liveness,
    ownership: createOwnership(name, precedes),
    answering: new Set(),
    mac: machine.mac,
    conflicts: createConflicts(),
    layer2: createLayer2(),
    fellowMacs: new Map(),
    targets: new Map(),
    heardFrom: ip4(0),
    clockMs,
    suspendedMs: 0,
    sequence: 0,
    lastNotice: 0,
    running: true,
    paused: false,
    suspended: false,
    deaf: false,
    homeless: false,
    inbox: [],
    leaseUntil: instant(-Infinity),
    held: false,
    informed: false,
    leaving: false,
    deciding: false,
    nextTick: Infinity,
    due: {
      monitor: metallb === undefined ? -Infinity : Infinity,
      gossip: -Infinity,
      ownership: Infinity,
      conflicts: Infinity,
      layer2: Infinity,
    },
    nextLook: instant(-Infinity),
    podsKnownAt: world.now + (hears ? world.podsKnownMs * world.random() : Infinity),
    apiFrom: hears ? world.now - world.signMs * world.random() : Infinity,
    heardAt: world.now,
    age,
    unclaimed: createUnclaimed(),
    nextAge: instant(-Infinity),
    nextClaims: instant(-Infinity),
    excluded: new Set(world.excluded),
  };
  return speaker;
}

/** Kills the process; nothing of it is left. */
export function kill(world: World, host: string): void {
  const speaker = world.speakers.get(host);
  if (speaker === undefined) return;
  speaker.running = false;
  world.stale = true;
}

/** SIGTERM: hands over, says goodbye, ends. */
export function leave(world: World, host: string): void {
  const speaker = world.speakers.get(host);
  if (speaker === undefined) return;
  const { feed, liveness, metallb } = speaker;
  const end = () => {
    const isAnswering = world.vips.some((ip) => speaker.answering.has(ip));
    if (metallb === undefined && isAnswering && liveness.up.size > 0) {
      return schedule(world, 1, () => act(world, speaker, end));
    }
    feed.gossip({ kind: "leave" });
    schedule(world, 20, () => act(world, speaker, () => kill(world, host)));
  };
  act(world, speaker, () => {
    speaker.leaving = true;
    feed.gossip({ kind: "ending" });
    feed.ownership({ kind: "leave" });
    if (metallb !== undefined) return end();
    notify(speaker, { what: "leaving" }, () => act(world, speaker, end));
  });
}

/** What stands still: the process; its machine, whose clock of the boot goes on; both its clocks too. */
export type Pause = "process" | "suspended" | "migrated";

/** A process stands still, and goes on with what came meanwhile; a machine hears that, or does not. */
export function pause(world: World, host: string, ms: number, what: Pause = "process"): void {
  const speaker = world.speakers.get(host);
  if (speaker === undefined || speaker.paused || !speaker.running) return;
  speaker.paused = true;
  speaker.suspended = what !== "process";
  speaker.deaf = speaker.suspended && world.random() < 0.5;
  world.stale = true;
  schedule(world, ms, () => {
    speaker.paused = speaker.suspended = speaker.deaf = false;
    if (what !== "process") speaker.clockMs -= ms;
    if (what === "suspended") speaker.suspendedMs += ms;
    world.stale = true;
    if (!speaker.running || world.speakers.get(host) !== speaker) return;
    // The thread of the heartbeat looks at the clock before it looks at its packets.
    speaker.feed.monitor({ kind: "tick" });
    for (const run of speaker.inbox.splice(0)) run();
    tick(world, speaker);
  });
}
