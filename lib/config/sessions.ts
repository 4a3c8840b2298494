import { familyOf, formatIp } from "../net/ip.ts";
import type { Peer } from "./types.ts";

/** `address:port`, brackets around IPv6: what log, metrics and status call a peer. */
export function peerName({ peerAddress, peerInterface, peerPort }: Peer): string {
  const zone = peerInterface === undefined ? "" : `%${peerInterface}`;
  const host = `${formatIp(peerAddress)}${zone}`;
  return familyOf(peerAddress) === 6 ? `[${host}]:${peerPort}` : `${host}:${peerPort}`;
}

/**
 * Equal for peers whose sessions are the same: BFD and the choice of nodes come and go beside it.
 * It holds the password: never shown.
 */
export function sessionKey({ bfdProfile: _, nodeSelectors: __, ...rest }: Peer): string {
  return JSON.stringify(rest, (_, value) => typeof value === "bigint" ? `${value}n` : value);
}
