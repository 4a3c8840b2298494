import { heartbeatKey, MAX_NOTICE_IPS, MAX_NOTICE_MACS, type Notice } from "./packet.ts";

/** The keys of the heartbeat, from those of the gossip; without any, one that everybody knows. */
export function keysOf(gossipKeys: readonly Uint8Array[]): Uint8Array[] {
  return gossipKeys.length === 0 ? [heartbeatKey(undefined)] : gossipKeys.map(heartbeatKey);
}

/**
 * A notice in pieces that fit one packet each; nothing for a release without addresses. A claim
 * without any still tells the hardware addresses.
 */
export function piecesOf(notice: Notice): Notice[] {
  if (notice.what === "leaving") return [notice];
  const pieces: Notice[] = [];
  if (notice.what === "claim" && notice.ips.length === 0 && notice.macs.length > 0) {
    pieces.push({ ...notice, macs: notice.macs.slice(0, MAX_NOTICE_MACS) });
  }
  for (let at = 0; at < notice.ips.length; at += MAX_NOTICE_IPS) {
    const ips = notice.ips.slice(at, at + MAX_NOTICE_IPS);
    pieces.push(
      notice.what === "claim"
        ? { what: "claim", ips, macs: notice.macs.slice(0, MAX_NOTICE_MACS) }
        : { what: "release", ips },
    );
  }
  return pieces;
}
