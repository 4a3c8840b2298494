import { formatHost, formatIp } from "../net/ip.ts";
import type { Peer } from "./types.ts";

/** `address:port`, brackets around IPv6: what log, metrics and status call a peer. */
export function peerName({ peerAddress, peerInterface, peerPort }: Peer): string {
  const zone = peerInterface === undefined ? "" : `%${peerInterface}`;
  const host = `${formatIp(peerAddress)}${zone}`;
  return `${formatHost(host)}:${peerPort}`;
}

/**
 * Equal for peers whose sessions are the same, whatever their names: BFD and the choice of nodes
 * come and go beside it. The key holds the password: it is never shown.
 */
export function sessionKey({ name: _, bfdProfile: __, nodeSelectors: ___, ...rest }: Peer): string {
  return JSON.stringify(rest, (_, value) => typeof value === "bigint" ? `${value}n` : value);
}
