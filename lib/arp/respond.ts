import {
  isGroupMac,
  type Mac,
  readMac,
  readU16,
  readU32,
  writeMac,
  writeU16,
  writeU32,
} from "../net/ethernet.ts";
import {
  ARP_FRAME_LENGTH,
  ARP_LENGTH,
  ARP_REPLY,
  ARP_REQUEST,
  arpOffset,
  HARDWARE_ETHERNET,
  PROTOCOL_IPV4,
} from "./packet.ts";
import { type AddressTable, countDrop, countRequest, hardwareOf, slotOf } from "./table.ts";
import { BROADCAST, ETHERNET_HEADER_LENGTH, ETHERTYPE_ARP } from "../net/ethernet.ts";

/** Why a frame gets no reply; each is a metric label, its number the place of its counter. */
export const DROP_REASONS = [
  "not-arp",
  "not-request",
  "interface-unused",
  "not-owned",
  "not-to-us",
  "own-frame",
  "bad-sender",
] as const;
export type DropReason = typeof DROP_REASONS[number];

const NOT_ARP = 0;
const NOT_REQUEST = 1;
const INTERFACE_UNUSED = 2;
const NOT_OWNED = 3;
const NOT_TO_US = 4;
const OWN_FRAME = 5;
const BAD_SENDER = 6;

/** The reply's length, or this when there is none. */
export const NO_REPLY = 0;

/**
 * Answers an ARP request (RFC 826) for an owned address: writes the reply into `out` and gives its
 * length, or {@link NO_REPLY} after counting why. Runs for each frame, so it makes no object.
 *
 * The reply goes to the sender hardware address of the packet, as RFC 826 and Linux have it, even
 * where the Ethernet source differs (a proxy sent it). A sender address of 0.0.0.0 is a probe
 * (RFC 5227 §2.1.1) and is answered: that is how another host learns that the address is taken.
 */
export function respond(
  frame: Uint8Array,
  length: number,
  ifindex: number,
  table: AddressTable,
  out: Uint8Array,
): number {
  const at = length >= ARP_FRAME_LENGTH ? arpOffset(frame) : -1;
  if (at < 0 || length < at + ARP_LENGTH || !isEthernetIpv4(frame, at)) return drop(table, NOT_ARP);
  if (readU16(frame, at + 6) !== ARP_REQUEST) return drop(table, NOT_REQUEST);
  // Nearly all requests of a LAN are for others: they end here.
  const target = readU32(frame, at + 24);
  const slot = slotOf(table, target);
  if (slot < 0) return drop(table, NOT_OWNED);
  const own = hardwareOf(table, ifindex);
  if (own < 0) return drop(table, INTERFACE_UNUSED);
  const destination = readMac(frame, 0);
  if (destination !== BROADCAST && destination !== own) return drop(table, NOT_TO_US);
  const sender = readMac(frame, at + 8);
  if (sender === own) return drop(table, OWN_FRAME);
  // A reply to a group or to nobody would go to every host.
  if (sender === 0 || isGroupMac(sender)) return drop(table, BAD_SENDER);
  countRequest(table, slot);
  writeMac(out, 0, sender);
  writeMac(out, 6, own as Mac);
  writeU16(out, 12, ETHERTYPE_ARP);
  const to = ETHERNET_HEADER_LENGTH;
  writeU16(out, to, HARDWARE_ETHERNET);
  writeU16(out, to + 2, PROTOCOL_IPV4);
  writeU16(out, to + 4, 0x0604);
  writeU16(out, to + 6, ARP_REPLY);
  writeMac(out, to + 8, own as Mac);
  writeU32(out, to + 14, target);
  writeMac(out, to + 18, sender);
  writeU32(out, to + 24, readU32(frame, at + 14));
  return ARP_FRAME_LENGTH;
}

/** The target address of the request that `respond` answered in `out`. */
export function repliedFor(out: Uint8Array): number {
  return readU32(out, ETHERNET_HEADER_LENGTH + 14);
}

function isEthernetIpv4(frame: Uint8Array, at: number): boolean {
  return readU16(frame, at) === HARDWARE_ETHERNET && readU16(frame, at + 2) === PROTOCOL_IPV4 &&
    readU16(frame, at + 4) === 0x0604;
}

function drop(table: AddressTable, reason: number): number {
  countDrop(table, reason);
  return NO_REPLY;
}
