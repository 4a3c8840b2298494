import { after, type Instant } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import type { MonitorAction, Peer } from "./monitor_state.ts";
import { SETTLE_MS } from "./outstanding.ts";
import type { HeartbeatBody, Notice } from "./packet.ts";

/** So many that are carried out are remembered. */
const KEPT_NOTICES = 1_024;

/** A notice of a peer: it is told once, and acknowledged each time once it is carried out. */
export function onNotice(
  peer: Peer,
  { id, notice }: HeartbeatBody & { readonly kind: "notice" },
  now: Instant,
  actions: MonitorAction[],
): void {
  const known = id <= peer.noticesDone || peer.notices.get(id);
  if (known === true) actions.push({ kind: "send", to: peer.name, body: { kind: "ack", id } });
  if (known !== undefined) return;
  peer.notices.set(id, false);
  forgetOld(peer);
  actions.push({ kind: "notice", name: peer.name, id, notice: newestOf(peer, id, notice, now) });
}

/**
 * What the notice says of addresses of which no later one has spoken: a claim that was lost and
 * repeated, or overtaken on its way, must not undo the release after it.
 */
function newestOf({ spoken }: Peer, id: number, notice: Notice, now: Instant): Notice {
  for (const [ip, { at }] of spoken) {
    // By then nobody repeats what came before.
    if (now < after(at, 2 * SETTLE_MS)) break;
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

/** What is not carried out yet is never forgotten, however much comes at once: it would be told anew. */
function forgetOld(peer: Peer): void {
  for (const [id, done] of peer.notices) {
    if (peer.notices.size <= KEPT_NOTICES || !done) return;
    peer.notices.delete(id);
    peer.noticesDone = Math.max(peer.noticesDone, id);
  }
}
