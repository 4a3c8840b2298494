import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import {
  type MonitorAction,
  type MonitorState,
  type Outstanding,
  TELL_AGAIN_MS,
} from "./monitor_state.ts";
import type { HeartbeatBody, Notice } from "./packet.ts";

/** A notice goes out again until it is acknowledged: soon, for a packet may be lost … */
const RETRY_MS: Millis = 10;
/** … and then less often, for a busy speaker has more to do the more it is sent … */
const RAREST_RETRY_MS: Millis = 80;
/** … but no longer than this: the sender goes on without. */
export const SETTLE_MS: Millis = 500;

/** While a peer does not hear, it is told more and more rarely, and at least so often. */
const RAREST_MS: Millis = 60_000;

/** Sends a notice to all peers; those that are up must acknowledge it. */
export function notify(
  state: MonitorState,
  id: number,
  notice: Notice,
  now: Instant,
  actions: MonitorAction[],
): void {
  takeBack(state, notice);
  const open = new Set<string>();
  const body: HeartbeatBody = { kind: "notice", id, notice, stale: state.stale };
  for (const { name, state: peerState } of state.peers.values()) {
    if (peerState === "up") open.add(name);
    // A node given up in error may still answer, so it must hear of a claim; nobody waits for it.
    else actions.push({ kind: "send", to: name, body });
  }
  if (open.size === 0) return void actions.push({ kind: "settled", id, missing: [] });
  const until = after(now, SETTLE_MS);
  state.outstanding.set(id, { id, notice, open, until, next: now, waitMs: RETRY_MS });
  if (notice.what !== "leaving") { for (const ip of notice.ips) state.latest.set(ip, id); }
}

/**
 * What an older notice says of these addresses is not repeated any more: where the first was lost,
 * the repetition would come before the new one, or in its place.
 */
function takeBack({ latest, outstanding }: MonitorState, notice: Notice): void {
  if (notice.what === "leaving") return;
  const older = new Map<number, Set<Ip>>();
  for (const ip of notice.ips) {
    const before = latest.get(ip);
    latest.delete(ip);
    if (before === undefined) continue;
    const ips = older.get(before);
    if (ips === undefined) older.set(before, new Set([ip]));
    else ips.add(ip);
  }
  for (const [before, ips] of older) {
    const one = outstanding.get(before);
    if (one === undefined || one.notice.what === "leaving") continue;
    one.notice = { ...one.notice, ips: one.notice.ips.filter((ip) => !ips.has(ip)) };
  }
}

/** No notice in the air speaks of its addresses any more. */
function forgetLatest({ latest }: MonitorState, { id, notice }: Outstanding): void {
  if (notice.what === "leaving") return;
  for (const ip of notice.ips) if (latest.get(ip) === id) latest.delete(ip);
}

/** Sends again what is not acknowledged, and settles what is, or has waited too long. */
export function repeatNotices(state: MonitorState, now: Instant, actions: MonitorAction[]): void {
  for (const one of state.outstanding.values()) {
    for (const name of one.open) if (state.peers.get(name)?.state !== "up") one.open.delete(name);
    if (one.open.size === 0 || now >= one.until) {
      state.outstanding.delete(one.id);
      forgetLatest(state, one);
      actions.push({ kind: "settled", id: one.id, missing: [...one.open] });
      noteUnheard(state, one.open, now);
    } else if (now >= one.next) {
      one.next = after(now, one.waitMs);
      one.waitMs = Math.min(2 * one.waitMs, RAREST_RETRY_MS);
      const { id, notice } = one;
      const body: HeartbeatBody = { kind: "notice", id, notice, stale: state.stale };
      for (const name of one.open) actions.push({ kind: "send", to: name, body });
    }
  }
}

/**
 * Whoever was missed is told what counts when it is back. Where only the way from here to a peer is
 * broken, others hear both and nobody is missed: what it did not hear, it would never know, and an
 * address that both claim would keep two owners.
 */
function noteUnheard({ unheard }: MonitorState, names: ReadonlySet<string>, now: Instant): void {
  if (names.size === 0) unheard.waitMs = TELL_AGAIN_MS;
  for (const name of names) unheard.by.add(name);
  if (names.size === 0 || unheard.at < Infinity) return;
  unheard.at = after(now, unheard.waitMs);
  unheard.waitMs = Math.min(2 * unheard.waitMs, RAREST_MS);
}

/** At each step: asks for what counts, where a peer that is not missed has not heard it. */
export function tellAgain(
  { peers, unheard }: MonitorState,
  now: Instant,
  actions: MonitorAction[],
): void {
  if (now < unheard.at) return;
  unheard.at = instant(Infinity);
  const by = [...unheard.by].filter((name) => peers.get(name)?.state === "up");
  unheard.by.clear();
  if (by.length > 0) actions.push({ kind: "unheard", by });
}
