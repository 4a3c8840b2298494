import { unreachable } from "../base/errors.ts";
import { after, type Instant, instant, type Millis, type Random } from "../base/time.ts";
import { onCarriedOut, onNotice } from "./delivery.ts";
import { beat, beatBody, beLoud, welcome } from "./beats.ts";
import { notify, repeatNotices, tellAgain } from "./outstanding.ts";
import { arrange, isMissed, isRinged, onMissed, ringOf } from "./ring.ts";
import { onRefused, onSignOfLife, probeAt, suspectAt } from "./silence.ts";
import { giveUp, hears, judge, onAnswer } from "./suspicion.ts";
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

/** In a ring: who asks for beats is given so many. */
const ASKED_BEATS = 20;
/** News of strangers is told at most so often, for all of them together. */
const STRANGER_MS: Millis = 200;

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
    case "refused":
      onRefused(state.peers.get(event.name), now);
      break;
    case "can-announce":
      if (state.canAnnounce !== event.canAnnounce) {
        state.canAnnounce = event.canAnnounce;
        beLoud(state, now);
      }
      break;
    case "view":
      if (state.stale !== event.stale) {
        state.stale = event.stale;
        beLoud(state, now);
      }
      break;
    case "notify":
      notify(state, event.id, event.notice, now, actions);
      break;
    case "acknowledge":
      onCarriedOut(state.peers.get(event.name), event.id, now);
      actions.push({ kind: "send", to: event.name, body: { kind: "ack", id: event.id } });
      break;
    case "tick":
      break;
    default:
      return unreachable(event);
  }
  beat(state, now, actions);
  for (const peer of [...state.watched]) judge(state, peer, now, random, actions);
  while (state.rearrange) {
    state.rearrange = false;
    arrange(state, now);
    // Of those that died together none is waited for.
    for (const { peer } of state.ring) {
      if (peer?.state !== "up" || !isMissed(state, peer, now)) continue;
      if (hears(state, peer.name, now) !== true) giveUp(state, peer, now - peer.heardAt, actions);
    }
  }
  repeatNotices(state, now, actions);
  tellAgain(state, now, actions);
  return actions;
}

/** When the next tick is due. */
export function nextDeadline(state: MonitorState, now: Instant): Instant {
  let earliest: number = Math.min(state.beatAt, state.unheard.at);
  for (const peer of state.watched) {
    if (peer.state !== "up") continue;
    earliest = Math.min(earliest, peer.asking?.until ?? suspectAt(peer), probeAt(peer));
  }
  for (const { next, until } of state.outstanding.values()) {
    earliest = Math.min(earliest, next, until);
  }
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
    peer.isProbed = false;
  }
  // In a ring only the neighbours would hear that it is back.
  beLoud(state, now);
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
  const wasRinged = isRinged(state);
  const fresh = peers.filter(({ name, boot }) => state.peers.get(name)?.boot !== boot);
  for (const { name, boot, inRing } of fresh) {
    state.peers.set(name, {
      name,
      boot,
      inRing,
      ringed: false,
      state: "new",
      heardAt: now,
      sequence: -1,
      intervalMs: state.timing.intervalMs,
      multiplier: state.timing.multiplier,
      canAnnounce: true,
      stale: false,
      asking: undefined,
      vouched: false,
      refused: false,
      distrustedUntil: instant(-Infinity),
      isProbed: false,
      beatUntil: instant(-Infinity),
      missedBy: new Map(),
      sayings: 0,
      missing: false,
      notices: new Map(),
      spoken: new Map(),
    });
  }
  state.ring = ringOf(state.self, state.peers.values());
  if (isRinged(state) !== wasRinged) beLoud(state, now);
  for (const { name, inRing } of fresh) {
    const peer = state.peers.get(name);
    // It sees as many as this node, until its beats say otherwise.
    if (peer !== undefined) peer.ringed = inRing && isRinged(state);
    // Beats at once, so that the other node need not wait for our turn.
    actions.push({ kind: "send", to: name, body: beatBody(state, { inRing }) });
  }
  arrange(state, now);
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
  peer.vouched = false;
  peer.isProbed = false;
  onSignOfLife(peer, now);
  peer.missedBy.clear();
  peer.sayings = 0;
  peer.missing = false;
  if (peer.state !== "up") {
    if (peer.state === "down") welcome(state, peer, actions);
    peer.state = "up";
    actions.push({ kind: "up", name: peer.name });
    if (!peer.canAnnounce) {
      actions.push({ kind: "can-announce", name: peer.name, canAnnounce: false });
    }
    if (peer.stale) actions.push({ kind: "view", name: peer.name, stale: true });
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
      if (peer.ringed !== body.ringed) state.rearrange = true;
      peer.ringed = body.ringed;
      if (peer.canAnnounce !== body.canAnnounce) {
        peer.canAnnounce = body.canAnnounce;
        actions.push({ kind: "can-announce", name: peer.name, canAnnounce: body.canAnnounce });
      }
      noteView(peer, body, actions);
      return;
    case "query": {
      if (body.target === state.self) {
        peer.beatUntil = after(now, state.timing.intervalMs * ASKED_BEATS);
      }
      const heard = hears(state, body.target, now);
      if (heard === undefined) return;
      const answer: HeartbeatBody = { kind: "answer", id: body.id, heard };
      actions.push({ kind: "send", to: peer.name, body: answer });
      return;
    }
    case "answer":
      return onAnswer(state, peer.name, body.id, body.heard, now);
    case "missed":
      return onSaying(state, peer, body, now, actions);
    case "notice":
      noteView(peer, body, actions);
      return onNotice(peer, body, now, actions);
    case "ack":
      state.outstanding.get(body.id)?.open.delete(peer.name);
      return;
    default:
      return unreachable(body);
  }
}

function noteView(
  peer: Peer,
  { stale }: { readonly stale: boolean },
  actions: MonitorAction[],
): void {
  if (peer.stale === stale) return;
  peer.stale = stale;
  actions.push({ kind: "view", name: peer.name, stale });
}

/** Another says that it misses a speaker: it contradicts where that is this one. */
function onSaying(
  state: MonitorState,
  from: Peer,
  { target, silentMs }: HeartbeatBody & { readonly kind: "missed" },
  now: Instant,
  actions: MonitorAction[],
): void {
  if (target === state.self) {
    from.beatUntil = after(now, state.timing.intervalMs * ASKED_BEATS);
    if (now >= state.loudUntil) beLoud(state, now);
    return;
  }
  const peer = state.peers.get(target);
  if (peer?.state !== "up") return;
  const isMissed = onMissed(state, peer, from.name, now);
  if (isMissed && hears(state, target, now) !== true) giveUp(state, peer, silentMs, actions);
}
