import { type WireError, wireError } from "../base/errors.ts";
import {
  BROADCAST,
  ETHERNET_HEADER_LENGTH,
  ETHERTYPE_ARP,
  ETHERTYPE_VLAN,
  type Mac,
  readMac,
  readU16,
  readU32,
  VLAN_TAG_LENGTH,
  writeMac,
  writeU16,
  writeU32,
  ZERO_MAC,
} from "../net/ethernet.ts";
import type { Ip4 } from "../net/ip.ts";

/** Octets of an ARP packet for Ethernet and IPv4, without the Ethernet header. */
export const ARP_LENGTH = 28;
/** A whole untagged frame; the driver pads it to Ethernet's minimum. */
export const ARP_FRAME_LENGTH = ETHERNET_HEADER_LENGTH + ARP_LENGTH;

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;
export const HARDWARE_ETHERNET = 1;
export const PROTOCOL_IPV4 = 0x0800;

/** An ARP packet with the Ethernet addresses around it. */
export interface ArpPacket {
  readonly destination: Mac;
  readonly source: Mac;
  readonly operation: typeof ARP_REQUEST | typeof ARP_REPLY;
  readonly senderHardwareAddress: Mac;
  readonly senderProtocolAddress: Ip4;
  readonly targetHardwareAddress: Mac;
  readonly targetProtocolAddress: Ip4;
}

/**
 * Where the ARP packet begins in an Ethernet frame, or -1 when it holds none for us. A tag with
 * VLAN 0 carries only a priority and counts as untagged (IEEE 802.1Q); other tags belong to
 * another network.
 */
export function arpOffset(frame: Uint8Array): number {
  const etherType = readU16(frame, 12);
  if (etherType === ETHERTYPE_ARP) return ETHERNET_HEADER_LENGTH;
  const isPriorityTag = etherType === ETHERTYPE_VLAN && (readU16(frame, 14) & 0xfff) === 0;
  return isPriorityTag && readU16(frame, 16) === ETHERTYPE_ARP
    ? ETHERNET_HEADER_LENGTH + VLAN_TAG_LENGTH
    : -1;
}

/**
 * Reads an ARP packet (RFC 826) for Ethernet and IPv4 out of a whole frame. Octets after it are
 * padding.
 *
 * ```
 *  0               1               2               3
 * +-------------------------------+-------------------------------+
 * | hardware type 1               | protocol type 0x0800          |
 * +---------------+---------------+-------------------------------+
 * | length 6      | length 4      | operation                     |
 * +---------------+---------------+-------------------------------+
 * | sender hardware address (6), sender protocol address (4)      |
 * | target hardware address (6), target protocol address (4)      |
 * +---------------------------------------------------------------+
 * ```
 */
export function decodeArp(frame: Uint8Array): ArpPacket | WireError {
  if (frame.length < ARP_FRAME_LENGTH) return truncated(frame, ARP_FRAME_LENGTH);
  const at = arpOffset(frame);
  if (at < 0) return wireError("arp", "not-arp", "the frame holds no untagged ARP packet", 12);
  if (frame.length < at + ARP_LENGTH) return truncated(frame, at + ARP_LENGTH);
  const refusal = refusalOfHeader(frame, at);
  if (refusal !== undefined) return refusal;
  return {
    destination: readMac(frame, 0),
    source: readMac(frame, 6),
    operation: readU16(frame, at + 6) === ARP_REQUEST ? ARP_REQUEST : ARP_REPLY,
    senderHardwareAddress: readMac(frame, at + 8),
    senderProtocolAddress: readU32(frame, at + 14) as Ip4,
    targetHardwareAddress: readMac(frame, at + 18),
    targetProtocolAddress: readU32(frame, at + 24) as Ip4,
  };
}

function truncated(frame: Uint8Array, wanted: number): WireError {
  return wireError("arp", "truncated", `${frame.length} of ${wanted} octets`, frame.length);
}

function refusalOfHeader(frame: Uint8Array, at: number): WireError | undefined {
  const hardware = readU16(frame, at);
  if (hardware !== HARDWARE_ETHERNET) {
    return wireError("arp", "bad-hardware-type", `hardware type ${hardware}, not 1`, at);
  }
  const protocol = readU16(frame, at + 2);
  if (protocol !== PROTOCOL_IPV4) {
    return wireError("arp", "bad-protocol-type", `protocol type ${protocol}, not 0x0800`, at + 2);
  }
  if (readU16(frame, at + 4) !== 0x0604) {
    const lengths = `${frame[at + 4]} and ${frame[at + 5]}`;
    return wireError(
      "arp",
      "bad-address-length",
      `address lengths ${lengths}, not 6 and 4`,
      at + 4,
    );
  }
  const operation = readU16(frame, at + 6);
  if (operation !== ARP_REQUEST && operation !== ARP_REPLY) {
    return wireError("arp", "bad-operation", `operation ${operation}, not 1 or 2`, at + 6);
  }
  return undefined;
}

/** Writes a whole untagged frame into `out`, {@link ARP_FRAME_LENGTH} octets, and gives that length. */
export function writeArp(packet: ArpPacket, out: Uint8Array): number {
  writeMac(out, 0, packet.destination);
  writeMac(out, 6, packet.source);
  writeU16(out, 12, ETHERTYPE_ARP);
  const at = ETHERNET_HEADER_LENGTH;
  writeU16(out, at, HARDWARE_ETHERNET);
  writeU16(out, at + 2, PROTOCOL_IPV4);
  writeU16(out, at + 4, 0x0604);
  writeU16(out, at + 6, packet.operation);
  writeMac(out, at + 8, packet.senderHardwareAddress);
  writeU32(out, at + 14, packet.senderProtocolAddress);
  writeMac(out, at + 18, packet.targetHardwareAddress);
  writeU32(out, at + 24, packet.targetProtocolAddress);
  return ARP_FRAME_LENGTH;
}

/** The two forms of an announcement: some stacks learn only from one of them. */
export type GratuitousForm = "request" | "reply";

/**
 * A gratuitous frame to all: sender and target are the address itself. The request is RFC 5227's
 * announcement (§3), whose target hardware address means nothing and is zero, as Linux sends it;
 * the reply names the sender there too (RFC 5944 §4.6).
 */
export function gratuitous(ip: Ip4, mac: Mac, form: GratuitousForm): ArpPacket {
  return {
    destination: BROADCAST,
    source: mac,
    operation: form === "request" ? ARP_REQUEST : ARP_REPLY,
    senderHardwareAddress: mac,
    senderProtocolAddress: ip,
    targetHardwareAddress: form === "request" ? 0 as Mac : mac,
    targetProtocolAddress: ip,
  };
}

/** Asks whether any host has the address, from a sender that has none yet (RFC 5227 §2.1.1). */
export function arpProbe(ip: Ip4, mac: Mac): ArpPacket {
  return {
    destination: BROADCAST,
    source: mac,
    operation: ARP_REQUEST,
    senderHardwareAddress: mac,
    senderProtocolAddress: 0 as Ip4,
    targetHardwareAddress: ZERO_MAC,
    targetProtocolAddress: ip,
  };
}
