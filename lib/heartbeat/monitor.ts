import { unreachable } from "../base/errors.ts";
import { after, type Instant, instant, type Millis, type Random } from "../base/time.ts";
import { onNotice } from "./delivery.ts";
import { notify, repeatNotices } from "./outstanding.ts";
import type { HeartbeatBody, HeartbeatPacket } from "./packet.ts";
import {
  type HeartbeatPeer,
  missedAfterMs,
  type MonitorAction,
  type MonitorEvent,
  type MonitorState,
  MULTIPLIER_LIMITS,
  type Peer,
} from "./monitor_state.ts";

/** Heard within so many intervals counts as alive when others ask … */
const LATELY_BEATS = 1.5;
/** … so nobody asks earlier, though the peer's kernel told at once that it is gone … */
const REFUSED_BEATS = 2.25;
/** … and no paused node answers as long: its program in the kernel outlives its process a little. */
const LEASE_BEATS = 2.2;
/** So many others are asked about a silent one. */
const ASKED = 5;
/** News of strangers is told at most so often, for all of them together. */
const STRANGER_MS: Millis = 200;
/** Without peers nobody takes anything over, so the reply lease need not be short. */
const ALONE_MS: Millis = 2_000;

/**
 * Advances the monitor: it sends beats, asks others about silent peers and gives those up, and
 * repeats notices until they are acknowledged. Total over every event.
 */
export function step(
  state: MonitorState,
  event: MonitorEvent,
  now: Instant,
  random: Random,
): MonitorAction[] {
  const actions: MonitorAction[] = [];
  noticePause(state, now, actions);
  switch (event.kind) {
    case "peers":
      setPeers(state, event.peers, now, actions);
      break;
    case "packet":
      onPacket(state, event.packet, now, actions);
      break;
    case "unreachable": {
      const peer = state.peers.get(event.name);
      if (peer !== undefined) peer.refused = true;
      break;
    }
    case "can-announce":
      if (state.canAnnounce !== event.canAnnounce) {
        state.canAnnounce = event.canAnnounce;
        state.beatAt = now;
      }
      break;
    case "notify":
      notify(state, event.id, event.notice, now, actions);
      break;
    case "acknowledge":
      state.peers.get(event.name)?.notices.set(event.id, true);
      actions.push({ kind: "send", to: event.name, body: { kind: "ack", id: event.id } });
      break;
    case "tick":
      break;
    default:
      return unreachable(event);
  }
  beat(state, now, actions);
  for (const peer of state.peers.values()) judge(state, peer, now, random, actions);
  repeatNotices(state, now, actions);
  return actions;
}

/** When the next tick is due. */
export function nextDeadline(state: MonitorState, now: Instant): Instant {
  let earliest: number = state.beatAt;
  for (const peer of state.peers.values()) {
    if (peer.state !== "up") continue;
    earliest = Math.min(earliest, peer.asking?.until ?? suspectAt(peer));
  }
  for (const { next } of state.outstanding.values()) earliest = Math.min(earliest, next);
  return instant(Math.max(earliest, now));
}

function noticePause(state: MonitorState, now: Instant, actions: MonitorAction[]): void {
  const last = state.lastTurn;
  state.lastTurn = now;
  if (last === undefined || now - last < missedAfterMs(state.timing)) return;
  // Nobody could be heard meanwhile: each gets a new chance.
  for (const peer of state.peers.values()) {
    peer.heardAt = now;
    peer.asking = undefined;
    peer.refused = false;
  }
  actions.push({ kind: "paused", ms: now - last });
}

function setPeers(
  state: MonitorState,
  peers: readonly HeartbeatPeer[],
  now: Instant,
  actions: MonitorAction[],
): void {
  const wanted = new Map(peers.map((peer) => [peer.name, peer]));
  for (const { name } of [...state.peers.values()]) {
    if (!wanted.has(name)) state.peers.delete(name);
  }
  for (const { name, boot } of peers) {
    if (state.peers.get(name)?.boot === boot) continue;
    state.peers.set(name, {
      name,
      boot,
      state: "new",
      heardAt: now,
      sequence: -1,
      intervalMs: state.timing.intervalMs,
      multiplier: state.timing.multiplier,
      canAnnounce: true,
      asking: undefined,
      refused: false,
      notices: new Map(),
      noticesDone: 0,
      spoken: new Map(),
    });
    // Beats at once, so that the other node need not wait for our turn.
    actions.push({ kind: "send", to: name, body: beatBody(state) });
  }
}

function onPacket(
  state: MonitorState,
  packet: HeartbeatPacket,
  now: Instant,
  actions: MonitorAction[],
): void {
  const peer = state.peers.get(packet.sender);
  if (peer?.boot !== packet.boot) return onStranger(state, packet.sender, now, actions);
  if (packet.sequence <= peer.sequence) return;
  peer.sequence = packet.sequence;
  peer.heardAt = now;
  peer.asking = undefined;
  peer.refused = false;
  if (peer.state !== "up") {
    peer.state = "up";
    actions.push({ kind: "up", name: peer.name });
    if (!peer.canAnnounce) {
      actions.push({ kind: "can-announce", name: peer.name, canAnnounce: false });
    }
  }
  onBody(state, peer, packet.body, now, actions);
}

/** The news of its start got lost: without asking, it would come with the next push/pull only. */
function onStranger(
  state: MonitorState,
  name: string,
  now: Instant,
  actions: MonitorAction[],
): void {
  if (now < after(state.strangerAt, STRANGER_MS)) return;
  state.strangerAt = now;
  actions.push({ kind: "stranger", name });
}

function onBody(
  state: MonitorState,
  peer: Peer,
  body: HeartbeatBody,
  now: Instant,
  actions: MonitorAction[],
): void {
  switch (body.kind) {
    case "beat":
      peer.intervalMs = Math.max(1, body.intervalMs);
      peer.multiplier = Math.max(MULTIPLIER_LIMITS.least, body.multiplier);
      if (peer.canAnnounce !== body.canAnnounce) {
        peer.canAnnounce = body.canAnnounce;
        actions.push({ kind: "can-announce", name: peer.name, canAnnounce: body.canAnnounce });
      }
      return;
    case "query": {
      const target = state.peers.get(body.target);
      // Had it died when the asker missed it, nobody would have heard it as lately as this.
      const heard = target?.state === "up" &&
        now - target.heardAt < LATELY_BEATS * target.intervalMs;
      const answer: HeartbeatBody = { kind: "answer", id: body.id, heard };
      actions.push({ kind: "send", to: peer.name, body: answer });
      return;
    }
    case "answer":
      return onAnswer(state, peer.name, body.id, body.heard, now);
    case "notice":
      return onNotice(peer, body, now, actions);
    case "ack":
      state.outstanding.get(body.id)?.open.delete(peer.name);
      return;
    default:
      return unreachable(body);
  }
}

function onAnswer(
  state: MonitorState,
  from: string,
  id: number,
  heard: boolean,
  now: Instant,
): void {
  for (const peer of state.peers.values()) {
    if (peer.asking?.id !== id || !peer.asking.open.delete(from)) continue;
    if (heard) {
      // Alive, only not heard here: ask again an interval later.
      peer.heardAt = instant(now - peer.intervalMs * (peer.multiplier - 1));
      peer.asking = undefined;
      peer.refused = false;
    }
    return;
  }
}

function beatBody(state: MonitorState): HeartbeatBody {
  const { intervalMs, multiplier } = state.timing;
  return { kind: "beat", intervalMs, multiplier, canAnnounce: state.canAnnounce };
}

function beat(state: MonitorState, now: Instant, actions: MonitorAction[]): void {
  if (now < state.beatAt) return;
  const { intervalMs } = state.timing;
  // A late turn shortens the next wait, so that the others see an even beat.
  const planned = after(state.beatAt, intervalMs);
  state.beatAt = planned > now ? planned : after(now, intervalMs);
  for (const { name } of state.peers.values()) {
    actions.push({ kind: "send", to: name, body: beatBody(state) });
  }
  const beatsMs = intervalMs * LEASE_BEATS;
  const leaseMs = state.peers.size === 0 ? Math.max(ALONE_MS, beatsMs) : beatsMs;
  actions.push({ kind: "awake", until: after(now, leaseMs) });
}

/** A peer whose kernel refused a packet is suspected as soon as one beat is surely missing. */
function suspectAt(peer: Peer): Instant {
  const beats = peer.refused ? REFUSED_BEATS : peer.multiplier;
  return after(peer.heardAt, peer.intervalMs * beats);
}

function judge(
  state: MonitorState,
  peer: Peer,
  now: Instant,
  random: Random,
  actions: MonitorAction[],
): void {
  if (peer.state !== "up") return;
  if (peer.asking === undefined) {
    if (now < suspectAt(peer)) return;
    peer.asking = ask(state, peer, now, random, actions);
  }
  if (peer.asking.open.size > 0 && now < peer.asking.until) return;
  peer.state = "down";
  peer.asking = undefined;
  actions.push({ kind: "down", name: peer.name, silentMs: now - peer.heardAt });
}

function ask(
  state: MonitorState,
  peer: Peer,
  now: Instant,
  random: Random,
  actions: MonitorAction[],
): NonNullable<Peer["asking"]> {
  const others = [...state.peers.values()].filter((other) =>
    other !== peer && other.state === "up" && now < suspectAt(other)
  );
  while (others.length > ASKED) others.splice(Math.floor(random() * others.length), 1);
  const id = ++state.lastQuery;
  for (const { name } of others) {
    actions.push({ kind: "send", to: name, body: { kind: "query", id, target: peer.name } });
  }
  const open = new Set(others.map(({ name }) => name));
  return { id, until: after(now, state.timing.confirmMs), open };
}
