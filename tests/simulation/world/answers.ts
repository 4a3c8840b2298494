import type { Ip } from "../../../lib/net/ip.ts";
import { type ConflictEvent, step as stepConflicts } from "../../../lib/speaker/conflicts.ts";
import { precedes } from "../../../lib/speaker/election.ts";
import { type Layer2Event, step as stepLayer2 } from "../../../lib/speaker/layer2.ts";
import { step as stepOwnership } from "../../../lib/speaker/ownership.ts";
import {
  createOwnership,
  type OwnershipAction,
  type OwnershipEvent,
} from "../../../lib/speaker/ownership_state.ts";
import { transmit } from "./network.ts";
import { fellowsOf, note, notify } from "./notices.ts";
import { plan } from "./timers.ts";
import { clock, schedule, type Speaker, type World } from "./world.ts";

export const IFINDEX = 2;

/** Advances what a speaker answers for. */
export function advanceOwnership(world: World, speaker: Speaker, event: OwnershipEvent): void {
  const actions = stepOwnership(speaker.ownership, event, clock(world, speaker));
  for (const action of actions) perform(world, speaker, action);
  plan(world, speaker, "ownership");
}

function perform(world: World, speaker: Speaker, action: OwnershipAction): void {
  const { feed, host, mac } = speaker;
  switch (action.kind) {
    case "answer": {
      const { ips, quiet, resumed } = action;
      speaker.answering = new Set(ips);
      world.stale = true;
      feed.layer2({ kind: "owned", ips, quiet, ...resumed && { resumed } });
      feed.conflicts({ kind: "owned", ips: ips.filter((ip) => !quiet.includes(ip)) });
      world.changes++;
      world.trace = (world.trace * 31 + Math.round(world.now * 1000) + ips.length) % 2 ** 40;
      return;
    }
    case "claim":
      for (const ip of action.ips) note(world, `claim of ${ip} by ${host}`);
      return notify(speaker, { what: "claim", ips: action.ips, macs: [mac] });
    case "release":
      return notify(speaker, { what: "release", ips: action.ips });
    case "announce-again":
      return feed.layer2({ kind: "again", ips: action.ips });
  }
}

/** Falls silent and forgets: others have long taken over. */
export function loseAll(speaker: Speaker): void {
  speaker.ownership = createOwnership(speaker.name, precedes);
  speaker.answering = new Set();
  speaker.feed.layer2({ kind: "owned", ips: [] });
  speaker.feed.conflicts({ kind: "owned", ips: [] });
  speaker.informed = false;
}

/** Advances a speaker's announcements. */
export function advanceLayer2(world: World, speaker: Speaker, event: Layer2Event): void {
  const { actions } = stepLayer2(speaker.layer2, event, clock(world, speaker));
  for (const action of actions) {
    if (action.kind === "gratuitous") announce(world, speaker, action.ip);
  }
  plan(world, speaker, "layer2");
}

/** A gratuitous frame to all. */
export function announce(world: World, { host, mac }: Speaker, ip: Ip): void {
  world.lastFrames.set(ip, { by: host, at: world.now });
  note(world, `announcement of ${ip} by ${host}`);
  const event = { kind: "seen", ip, mac, ifindex: IFINDEX } as const;
  for (const machine of world.machines.keys()) {
    if (machine === host) continue;
    transmit(world, host, machine, (other) => {
      // The packet Worker tells of frames with addresses that it answers for.
      if (other.answering.has(ip)) other.feed.conflicts(event);
    });
  }
  const { network: { delayMs, jitterMs }, random } = world;
  for (const cache of world.caches) {
    schedule(world, delayMs + jitterMs * random(), () => {
      if (cache.get(ip) !== host) world.stale = true;
      cache.set(ip, host);
    });
  }
}

/** Advances what a speaker holds of others that have its addresses. */
export function advanceConflicts(world: World, speaker: Speaker, event: ConflictEvent): void {
  const { conflicts, mac } = speaker;
  const now = clock(world, speaker);
  // The host looks each second, which is well before anybody is judged.
  const known = { kind: "known", own: new Set([mac]), fellows: fellowsOf(world, speaker) } as const;
  const events = event.kind === "tick" ? [known, event] : [event];
  const actions = events.flatMap((one) => stepConflicts(conflicts, one, now));
  for (const action of actions) {
    if (action.kind === "defend") speaker.feed.layer2({ kind: "again", ips: [action.ip] });
    if (action.kind !== "tell") continue;
    const [fellow = ""] = [...world.machines].find(([, { mac }]) => mac === action.mac) ?? [];
    // Nobody can know of one that was gone before it was known, and that had the address: so it did.
    const { name = fellow, running } = world.speakers.get(fellow) ?? {};
    const isKnown = speaker.gossip.members.has(name) || speaker.liveness.met.has(name);
    if (running === false && !isKnown) continue;
    // Of MetalLB's speakers gossip alone tells where they are: one that it has given up, or seeks elsewhere, may be any host.
    const member = speaker.gossip.members.get(fellow);
    const isWhereGossipSays = member !== undefined && member.state !== "dead" &&
      member.address === world.machines.get(fellow)?.address;
    if (world.metallb.has(fellow) && !isWhereGossipSays) continue;
    // Who started while gossip was filtered, and then was cut off, has never heard of anybody.
    if (speaker.gossip.members.size === 0 && speaker.liveness.met.size === 0) continue;
    world.accused.push(`${speaker.host} accuses ${fellow} at ${world.now}`);
  }
  plan(world, speaker, "conflicts");
}
