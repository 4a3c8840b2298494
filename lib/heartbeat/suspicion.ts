import { after, type Instant, instant, type Random } from "../base/time.ts";
import type { MonitorAction, MonitorState, Peer } from "./monitor_state.ts";
import type { HeartbeatBody } from "./packet.ts";
import { neighboursOf, SAYINGS } from "./ring.ts";
import { onSignOfLife, probeAt, suspectAt, wasHeardLately } from "./silence.ts";

/** So many others are asked about a silent one. */
const ASKED = 5;

/** Suspects a peer that is silent for too long, and gives it up when no other hears it either. */
export function judge(
  state: MonitorState,
  peer: Peer,
  now: Instant,
  random: Random,
  actions: MonitorAction[],
): void {
  if (peer.state !== "up") return;
  if (peer.asking === undefined) {
    if (now >= probeAt(peer)) {
      peer.isProbed = true;
      const body: HeartbeatBody = { kind: "query", id: ++state.lastQuery, target: peer.name };
      actions.push({ kind: "send", to: peer.name, body });
    }
    if (now < suspectAt(peer)) return;
    peer.asking = ask(state, peer, now, random, actions);
  }
  if (peer.asking.open.size > 0 && now < peer.asking.until) return;
  if (peer.vouched && !peer.refused) {
    // Who is heard by others alone is not given up for one beat that was lost on the way to them.
    peer.vouched = false;
    return askLater(peer, now);
  }
  giveUp(state, peer, now - peer.heardAt, actions);
  if (!peer.ringed) return;
  sayMissed(state, peer, now, actions);
  giveUpAll(state, peer, now, actions);
}

/** A peer is gone. */
export function giveUp(
  state: MonitorState,
  peer: Peer,
  silentMs: number,
  actions: MonitorAction[],
): void {
  peer.state = "down";
  peer.asking = undefined;
  peer.missedBy.clear();
  state.rearrange = true;
  if (peer.ringed && state.near.has(peer.name)) {
    // Others may count otherwise which of its neighbours live.
    peer.sayings = SAYINGS;
    peer.missing = true;
  }
  actions.push({ kind: "down", name: peer.name, silentMs });
}

/** Tells all in the ring, the missed one too: it contradicts if it lives. */
export function sayMissed(
  { ring }: MonitorState,
  peer: Peer,
  now: Instant,
  actions: MonitorAction[],
): void {
  if (peer.sayings === 0) return;
  peer.sayings--;
  const silentMs = Math.round(now - peer.heardAt);
  const body: HeartbeatBody = { kind: "missed", target: peer.name, silentMs };
  for (const { name, peer: to } of ring) {
    if (to !== undefined) actions.push({ kind: "send", to: name, body });
  }
}

/** Where all neighbours fall silent with the missed one, nobody is heard here. */
function giveUpAll(
  state: MonitorState,
  { heardAt }: Peer,
  now: Instant,
  actions: MonitorAction[],
): void {
  const isHeard = (peer: Peer) =>
    peer.state === "up" && now < after(peer.heardAt, peer.intervalMs * (peer.multiplier - 1));
  if ([...state.watched].some(isHeard)) return;
  for (const { peer } of state.ring) {
    if (peer?.state === "up") giveUp(state, peer, now - heardAt, actions);
  }
}

function ask(
  state: MonitorState,
  peer: Peer,
  now: Instant,
  random: Random,
  actions: MonitorAction[],
): NonNullable<Peer["asking"]> {
  const others = hearersOf(state, peer).filter((other) =>
    other !== peer && other.state === "up" &&
    (!state.watched.has(other) || now < suspectAt(other))
  );
  while (others.length > ASKED) others.splice(Math.floor(random() * others.length), 1);
  const id = ++state.lastQuery;
  const body: HeartbeatBody = { kind: "query", id, target: peer.name };
  for (const { name } of others) actions.push({ kind: "send", to: name, body });
  // It may hold others for its neighbours, and answers then. Nobody waits for that, but where a
  // packet to it was refused: that may be a mistake, or a lie, and whoever lives answers this one.
  if (peer.inRing || peer.refused) actions.push({ kind: "send", to: peer.name, body });
  const open = new Set(others.map(({ name }) => name));
  if (peer.refused) open.add(peer.name);
  return { id, until: after(now, state.timing.confirmMs), open };
}

/** Asks the others about it again an interval later. */
function askLater(peer: Peer, now: Instant): void {
  peer.heardAt = instant(now - peer.intervalMs * (peer.multiplier - 1));
  peer.asking = undefined;
}

/** In a ring only its neighbours hear it. */
function hearersOf(state: MonitorState, peer: Peer): Peer[] {
  if (!peer.ringed) return [...state.peers.values()];
  return neighboursOf(state.ring, peer.name).flatMap(({ peer: other }) => other ?? []);
}

/** Another asks whether this node hears a peer; undefined: it is none to know. */
export function hears(state: MonitorState, name: string, now: Instant): boolean | undefined {
  if (name === state.self) return true;
  const peer = state.peers.get(name);
  // Had it died when the asker missed it, nobody would have heard it as lately as this.
  const heard = peer?.state === "up" && wasHeardLately(peer, now);
  return heard || peer === undefined || state.watched.has(peer) ? heard : undefined;
}

/** Another's answer to what this node asked. */
export function onAnswer(
  state: MonitorState,
  from: string,
  id: number,
  heard: boolean,
  now: Instant,
): void {
  for (const peer of state.peers.values()) {
    if (peer.asking?.id !== id || !peer.asking.open.delete(from)) continue;
    if (heard) {
      // Alive, only not heard here.
      peer.vouched = true;
      askLater(peer, now);
      onSignOfLife(peer, now);
    }
    return;
  }
}
