import {
  ETHERNET_HEADER_LENGTH,
  ETHERTYPE_ARP,
  MAC_LENGTH,
  readU16,
  writeU16,
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
import {
  type AddressTable,
  copyHardware,
  countDrop,
  countForeignSender,
  countRequest,
  slotOf,
} from "./table.ts";

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
  const slot = slotOf(table, readInt32(frame, at + 24));
  if (slot < 0) return drop(table, NOT_OWNED);
  // Hardware addresses are compared and copied as octets: as numbers they outgrow 32 bits, and each
  // would be an object.
  if (!copyHardware(table, ifindex, out, 6)) return drop(table, INTERFACE_UNUSED);
  if (!isBroadcast(frame) && !equalOctets(frame, 0, out, 6)) return drop(table, NOT_TO_US);
  const sender = at + 8;
  if (equalOctets(frame, sender, out, 6)) return drop(table, OWN_FRAME);
  // A reply to a group or to nobody would go to every host.
  if (((frame[sender] ?? 1) & 1) === 1 || isZero(frame, sender)) return drop(table, BAD_SENDER);
  countRequest(table, slot);
  if (!equalOctets(frame, sender, frame, 6)) countForeignSender(table);
  const to = ETHERNET_HEADER_LENGTH;
  copyOctets(frame, sender, out, 0, MAC_LENGTH);
  writeU16(out, 12, ETHERTYPE_ARP);
  writeU16(out, to, HARDWARE_ETHERNET);
  writeU16(out, to + 2, PROTOCOL_IPV4);
  writeU16(out, to + 4, 0x0604);
  writeU16(out, to + 6, ARP_REPLY);
  copyOctets(out, 6, out, to + 8, MAC_LENGTH);
  copyOctets(frame, at + 24, out, to + 14, 4);
  // Sender hardware and protocol address stand side by side and become the target's.
  copyOctets(frame, sender, out, to + 18, MAC_LENGTH + 4);
  return ARP_FRAME_LENGTH;
}

/** The target address of the request that `respond` answered in `out`, as a signed number. */
export function repliedFor(out: Uint8Array): number {
  return readInt32(out, ETHERNET_HEADER_LENGTH + 14);
}

function readInt32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0);
}

function equalOctets(a: Uint8Array, atA: number, b: Uint8Array, atB: number): boolean {
  for (let octet = 0; octet < MAC_LENGTH; octet++) {
    if (a[atA + octet] !== b[atB + octet]) return false;
  }
  return true;
}

function copyOctets(
  from: Uint8Array,
  at: number,
  to: Uint8Array,
  place: number,
  count: number,
): void {
  for (let octet = 0; octet < count; octet++) to[place + octet] = from[at + octet] ?? 0;
}

function isBroadcast(frame: Uint8Array): boolean {
  for (let octet = 0; octet < MAC_LENGTH; octet++) if (frame[octet] !== 0xff) return false;
  return true;
}

function isZero(frame: Uint8Array, at: number): boolean {
  for (let octet = 0; octet < MAC_LENGTH; octet++) if (frame[at + octet] !== 0) return false;
  return true;
}

function isEthernetIpv4(frame: Uint8Array, at: number): boolean {
  return readU16(frame, at) === HARDWARE_ETHERNET && readU16(frame, at + 2) === PROTOCOL_IPV4 &&
    readU16(frame, at + 4) === 0x0604;
}

function drop(table: AddressTable, reason: number): number {
  countDrop(table, reason);
  return NO_REPLY;
}
