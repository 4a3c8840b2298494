import { after } from "../../../lib/base/time.ts";
import { step } from "../../../lib/heartbeat/monitor.ts";
import {
  missedAfterMs,
  type MonitorAction,
  type MonitorEvent,
} from "../../../lib/heartbeat/monitor_state.ts";
import type { HeartbeatPacket, Notice } from "../../../lib/heartbeat/packet.ts";
import { onCanAnnounce, onDown, onLeaving, onUp, onView } from "../../../lib/speaker/liveness.ts";
import { onClaimed, onReleased } from "../../../lib/speaker/unclaimed.ts";
import { loseAll } from "./answers.ts";
import { lookAtUnclaimed } from "./deciding.ts";
import { becomeReady, judgeFitness } from "./fitness.ts";
import { lookAgain } from "./gossiping.ts";
import { act, carry, hostAt, isCut, transmit } from "./network.ts";
import { fellowsOf, onSettled, tellClaims } from "./notices.ts";
import { plan } from "./timers.ts";
import { bootClock, clock, schedule, type Speaker, type World } from "./world.ts";

const LONG_PAUSE_MS = 500;

/** Advances a speaker's heartbeat. */
export function advanceMonitor(world: World, speaker: Speaker, event: MonitorEvent): void {
  const actions = step(speaker.monitor, event, bootClock(world, speaker), world.random);
  for (const action of actions) perform(world, speaker, action);
  plan(world, speaker, "monitor");
}

function perform(world: World, speaker: Speaker, action: MonitorAction): void {
  const { feed, liveness } = speaker;
  switch (action.kind) {
    case "send":
      return send(world, speaker, action);
    case "up": {
      const returned = onUp(liveness, action.name);
      feed.gossip({ kind: "heard", name: action.name });
      tellClaims(speaker);
      if (returned) feed.ownership({ kind: "returned" });
      return feed.touch();
    }
    case "down":
      onDown(liveness, action.name, clock(world, speaker));
      feed.gossip({ kind: "doubt", name: action.name });
      if (speaker.gossip.members.get(action.name)?.state === "dead") feed.members();
      lookAgain(world, speaker);
      return feed.touch();
    case "can-announce":
      onCanAnnounce(liveness, action.name, action.canAnnounce);
      return feed.touch();
    case "view":
      onView(liveness, action.name, action.stale);
      return feed.touch();
    case "notice":
      onNotice(world, speaker, action.name, action.notice);
      return feed.monitor({ kind: "acknowledge", name: action.name, id: action.id });
    case "stranger":
      feed.conflicts({ kind: "stranger" });
      return feed.gossip({ kind: "ask", name: action.name, address: speaker.heardFrom });
    case "settled":
      return onSettled(speaker, action.id);
    case "unheard":
      return tellClaims(speaker);
    case "paused":
      return onPaused(world, speaker, action.ms);
    case "awake":
      if (speaker.held) return;
      if (speaker.leaseUntil <= bootClock(world, speaker)) world.stale = true;
      speaker.leaseUntil = action.until;
  }
}

function send(
  world: World,
  speaker: Speaker,
  { body, to }: MonitorAction & { readonly kind: "send" },
): void {
  const { boot, host, name: sender } = speaker;
  const address = speaker.targets.get(to);
  const peer = address && hostAt(world, address);
  if (address === undefined || peer === undefined) return;
  const refuse = () =>
    transmit(world, peer, host, (back) => back.feed.monitor({ kind: "refused", name: to }));
  const { beatCut, filterRefuses } = world.network;
  if (filterRefuses && isCut(beatCut, host, peer)) refuse();
  const packet = { sender, boot, sequence: ++speaker.sequence, body };
  carry(world, speaker, address, beatCut, (other) => hear(world, other, packet, speaker));
  const target = world.speakers.get(peer);
  // A living machine's kernel tells that nobody listens.
  const isOpen = !isCut(world.network.cut, host, peer) && !isCut(beatCut, host, peer);
  if (target?.running === false && isOpen) refuse();
}

/** What the version before reads of it: its beats say nothing of a ring, and that others are missed is no news. */
function hear(
  world: World,
  speaker: Speaker,
  packet: HeartbeatPacket,
  { endpoint: { address } }: Speaker,
): void {
  // A speaker that gossip knows beats from the address that gossip tells.
  if ((speaker.targets.get(packet.sender) ?? address) !== address) return;
  speaker.heardFrom = address;
  const { body } = packet;
  if (!world.old.has(speaker.name)) {
    return speaker.feed.monitor({ kind: "packet", packet });
  }
  if (body.kind === "missed") return;
  const read = body.kind === "beat" ? { ...body, ringed: false, stale: false } : body;
  speaker.feed.monitor({ kind: "packet", packet: { ...packet, body: read } });
}

function onNotice(world: World, speaker: Speaker, from: string, notice: Notice): void {
  const { fellowMacs, feed, liveness, unclaimed } = speaker;
  if (notice.what === "leaving") onLeaving(liveness, from);
  feed.decide();
  if (notice.what === "leaving") return;
  if (notice.what === "claim") {
    fellowMacs.set(from, notice.macs);
    const own = new Set([speaker.mac]);
    feed.conflicts({ kind: "known", own, fellows: fellowsOf(world, speaker) });
    onClaimed(unclaimed, from, notice.ips);
  } else {
    onReleased(unclaimed, from, notice.ips, clock(world, speaker));
    lookAtUnclaimed(world, speaker);
  }
  feed.ownership({ kind: notice.what, from, ips: notice.ips });
}

function onPaused(world: World, speaker: Speaker, ms: number): void {
  world.stale = true;
  speaker.held = true;
  speaker.feed.gossip({ kind: "paused" });
  if (ms >= LONG_PAUSE_MS) {
    loseAll(speaker);
    judgeFitness(world, speaker);
    schedule(world, 0, () => becomeReady(world, speaker, 0));
  }
  schedule(world, 20, () =>
    act(world, speaker, () => {
      world.stale = true;
      speaker.held = false;
      speaker.leaseUntil = after(
        bootClock(world, speaker),
        missedAfterMs(speaker.monitor.timing) / 3,
      );
    }));
}
