import type { MonitorAction, Peer } from "./monitor_state.ts";
import type { HeartbeatBody } from "./packet.ts";

/** So many that are carried out are remembered. */
const KEPT_NOTICES = 1_024;

/** A notice of a peer: it is told once, and acknowledged each time once it is carried out. */
export function onNotice(
  peer: Peer,
  { id, notice }: HeartbeatBody & { readonly kind: "notice" },
  actions: MonitorAction[],
): void {
  const known = id <= peer.noticesDone || peer.notices.get(id);
  if (known === true) actions.push({ kind: "send", to: peer.name, body: { kind: "ack", id } });
  if (known !== undefined) return;
  peer.notices.set(id, false);
  forgetOld(peer);
  actions.push({ kind: "notice", name: peer.name, id, notice });
}

/** What is not carried out yet is never forgotten, however much comes at once: it would be told anew. */
function forgetOld(peer: Peer): void {
  for (const [id, done] of peer.notices) {
    if (peer.notices.size <= KEPT_NOTICES || !done) return;
    peer.notices.delete(id);
    peer.noticesDone = Math.max(peer.noticesDone, id);
  }
}
