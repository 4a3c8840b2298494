import { after, type Instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import type { MonitorAction, Peer } from "./monitor_state.ts";
import { SETTLE_MS } from "./outstanding.ts";
import type { HeartbeatBody, Notice } from "./packet.ts";

/** By then nobody repeats what came before. */
const OVER_MS: Millis = 2 * SETTLE_MS;

/** A notice of a peer: it is told once, and acknowledged each time once it is carried out. */
export function onNotice(
  peer: Peer,
  { id, notice }: HeartbeatBody & { readonly kind: "notice" },
  now: Instant,
  actions: MonitorAction[],
): void {
  const known = peer.notices.get(id);
  if (known !== undefined) {
    known.heardAt = now;
    if (known.done) actions.push({ kind: "send", to: peer.name, body: { kind: "ack", id } });
    return;
  }
  forgetOld(peer, now);
  peer.notices.set(id, { done: false, heardAt: now });
  actions.push({ kind: "notice", name: peer.name, id, notice: newestOf(peer, id, notice, now) });
}

/** The notice of that peer is carried out. */
export function onCarriedOut(peer: Peer | undefined, id: number, now: Instant): void {
  peer?.notices.set(id, { done: true, heardAt: now });
}

/**
 * What the notice says of addresses of which no later one has spoken: a claim that was lost and
 * repeated, or overtaken on its way, must not undo the release after it.
 */
function newestOf({ spoken }: Peer, id: number, notice: Notice, now: Instant): Notice {
  for (const [ip, { at }] of spoken) {
    if (now < after(at, OVER_MS)) break;
    spoken.delete(ip);
  }
  if (notice.what === "leaving") return notice;
  const isNewest = (ip: Ip) => (spoken.get(ip)?.id ?? 0) < id;
  const ips = notice.ips.filter(isNewest);
  for (const ip of ips) {
    spoken.delete(ip);
    spoken.set(ip, { id, at: now });
  }
  return { ...notice, ips };
}

/**
 * What is not carried out yet is never forgotten, however much comes at once: it would be told anew.
 * Nor is it taken for done for what came later was: ids may come in any order.
 */
function forgetOld({ notices }: Peer, now: Instant): void {
  for (const [id, { done, heardAt }] of notices) {
    if (now < after(heardAt, OVER_MS)) return;
    if (done) notices.delete(id);
  }
}
