import { after, type Instant, type Millis } from "../base/time.ts";
import type { MonitorAction, MonitorState, Peer } from "./monitor_state.ts";
import type { HeartbeatBody } from "./packet.ts";
import { isGivenBeats, isRinged } from "./ring.ts";
import { sayMissed } from "./suspicion.ts";

/** Shorter than any suspicion: the program in the kernel outlives a paused process a little. */
const LEASE_BEATS = 2.2;
/** What all must know is in so many beats to all; a packet may be lost. */
const LOUD_BEATS = 5;
/** In a ring those that are missed are asked once in so many beats whether they are back. */
const MISSED_BEATS = 20;
/** Without peers nobody takes anything over, so the reply lease need not be short. */
const ALONE_MS: Millis = 2_000;

/** What a beat says; more than whether it can announce is for those that know of the ring. */
export function beatBody(state: MonitorState, { inRing }: Pick<Peer, "inRing">): HeartbeatBody {
  const { intervalMs, multiplier } = state.timing;
  const { canAnnounce } = state;
  const [ringed, stale] = [inRing && isRinged(state), inRing && state.stale];
  return { kind: "beat", intervalMs, multiplier, canAnnounce, ringed, stale };
}

/** What it has to say must reach all, though they do not watch it. */
export function beLoud(state: MonitorState, now: Instant): void {
  state.loudUntil = after(now, state.timing.intervalMs * LOUD_BEATS);
  state.beatAt = now;
}

/** One that was missed is back: it hears this node, and that the others missed it as well. */
export function welcome(state: MonitorState, peer: Peer, actions: MonitorAction[]): void {
  const { name } = peer;
  state.rearrange = true;
  if (!peer.ringed) return;
  actions.push({ kind: "send", to: name, body: beatBody(state, peer) });
  if (!state.watched.has(peer)) return;
  // It may be this node that heard nobody: the others are asked with the next beat.
  state.beats = -1;
  actions.push({ kind: "send", to: name, body: { kind: "missed", target: name, silentMs: 0 } });
}

/** Beats when it is time to. */
export function beat(state: MonitorState, now: Instant, actions: MonitorAction[]): void {
  if (now < state.beatAt) return;
  const { intervalMs } = state.timing;
  // A late turn shortens the next wait, so that the others see an even beat.
  const planned = after(state.beatAt, intervalMs);
  state.beatAt = planned > now ? planned : after(now, intervalMs);
  state.beats = (state.beats + 1) % MISSED_BEATS;
  const [all, ringed] = [false, true].map((inRing) => beatBody(state, { inRing }));
  for (const peer of state.peers.values()) {
    const { name } = peer;
    const body = peer.inRing ? ringed : all;
    if (body !== undefined && (now < state.loudUntil || isGivenBeats(state, peer, now))) {
      actions.push({ kind: "send", to: name, body });
    } else if (peer.state === "new" || (peer.state === "down" && state.beats === 0)) {
      // It may not hear this one either: it answers, and beats for a while.
      actions.push({ kind: "send", to: name, body: { kind: "query", id: 0, target: name } });
    }
    if (peer.missing && state.beats === 0) peer.sayings++;
    if (peer.state === "down") sayMissed(state, peer, now, actions);
  }
  const beatsMs = intervalMs * LEASE_BEATS;
  const leaseMs = state.peers.size === 0 ? Math.max(ALONE_MS, beatsMs) : beatsMs;
  actions.push({ kind: "awake", until: after(now, leaseMs) });
}
