import { type WireError, wireError } from "../base/errors.ts";
import {
  ETHERNET_HEADER_LENGTH,
  ETHERTYPE_IPV6,
  type Mac,
  readMac,
  readU16,
  writeMac,
  writeU16,
} from "../net/ethernet.ts";
import type { Ip6 } from "../net/ip.ts";
import { allOctets } from "../net/octets.ts";
import { readIp6, writeIp6 } from "../net/octets6.ts";

/** Where the parts lie in an Ethernet frame with an IPv6 header without extensions. */
export const AT = {
  version: 14,
  payloadLength: 18,
  nextHeader: 20,
  hopLimit: 21,
  source: 22,
  destination: 38,
  type: 54,
  code: 55,
  checksum: 56,
  flags: 58,
  target: 62,
  options: 78,
} as const;

/** The upper four bits of an IPv6 header's first octet. */
export const IPV6_VERSION = 6;
export const ICMPV6 = 58;
/** What comes from further away has lost some: only a neighbour's is taken (RFC 4861 §7.1). */
export const NDP_HOP_LIMIT = 255;
export const SOLICITATION = 135;
export const ADVERTISEMENT = 136;
/** Flags of an advertisement (RFC 4861 §4.4). */
export const FLAG = { router: 0x80, solicited: 0x40, override: 0x20 } as const;
/** Options (RFC 4861 §4.6.1). */
export const SOURCE_LINK_LAYER = 1;
export const TARGET_LINK_LAYER = 2;
/** An advertisement with its option. */
export const ADVERTISEMENT_FRAME_LENGTH = AT.options + 8;
/** Octets of the message without options. */
const MESSAGE_LENGTH = 24;

/** ff02::1, and the hardware address of that group (RFC 2464 §7). */
const ALL_NODES = (0xff02n << 112n | 1n) as Ip6;
const ALL_NODES_MAC = 0x3333_0000_0001 as Mac;

/** A neighbour solicitation or advertisement with the addresses around it. */
export interface NdpPacket {
  readonly destinationMac: Mac;
  readonly sourceMac: Mac;
  readonly source: Ip6;
  readonly destination: Ip6;
  readonly kind: "solicitation" | "advertisement";
  /** Bits of {@link FLAG}; of an advertisement only. */
  readonly flags: number;
  readonly target: Ip6;
  /** The link-layer option that belongs to the kind; undefined without one. */
  readonly linkLayer: Mac | undefined;
}

/** The group to which solicitations for an address go (RFC 4291 §2.7.1). */
export function solicitedNodeGroup(ip: Ip6): Ip6 {
  return (0xff02_0000_0000_0000_0000_0001_ff00_0000n | (ip & 0xff_ffffn)) as Ip6;
}

/** Whether the address there is such a group. Allocates nothing. */
export function isSolicitedNode(frame: Uint8Array, at: number): boolean {
  return frame[at] === 0xff && frame[at + 1] === 2 && allOctets(frame, at + 2, 9, 0) &&
    frame[at + 11] === 1 && frame[at + 12] === 0xff;
}

/**
 * Reads a neighbour solicitation or advertisement (RFC 4861 §4.3, §4.4) and checks what §7.1 asks:
 * hop limit 255, code 0, checksum, options that are not empty, and from a host without an address
 * neither an option nor another destination than a solicited-node group.
 */
export function decodeNdp(frame: Uint8Array): NdpPacket | WireError {
  if (frame.length < AT.options) return refuse("truncated", `${frame.length} octets`, frame.length);
  const version = (frame[AT.version] ?? 0) >> 4;
  const isIpv6 = readU16(frame, 12) === ETHERTYPE_IPV6 && version === IPV6_VERSION;
  if (!isIpv6 || frame[AT.nextHeader] !== ICMPV6) {
    return refuse("not-ndp", "the frame holds no ICMPv6", 12);
  }
  const type = frame[AT.type];
  if (type !== SOLICITATION && type !== ADVERTISEMENT) {
    return refuse("not-ndp", `ICMPv6 type ${type}`, AT.type);
  }
  if (frame[AT.hopLimit] !== NDP_HOP_LIMIT || frame[AT.code] !== 0) {
    return refuse("bad-sender", "hop limit is not 255 or code not 0", AT.hopLimit);
  }
  const end = endOfMessage(frame, frame.length);
  if (end < 0) return refuse("bad-length", "payload length does not fit", AT.payloadLength);
  if (checksumOf(frame, end) !== 0) return refuse("bad-checksum", "checksum", AT.checksum);
  const option = type === SOLICITATION ? SOURCE_LINK_LAYER : TARGET_LINK_LAYER;
  const at = linkLayerOption(frame, end, option);
  if (at === BAD_OPTION) return refuse("bad-length", "an option of length 0", AT.options);
  const hasNoAddress = type === SOLICITATION && allOctets(frame, AT.source, 16, 0);
  if (hasNoAddress && (at !== NO_OPTION || !isSolicitedNode(frame, AT.destination))) {
    return refuse("bad-sender", "from ::, with an option or not to a group", AT.source);
  }
  return {
    destinationMac: readMac(frame, 0),
    sourceMac: readMac(frame, 6),
    source: readIp6(frame, AT.source),
    destination: readIp6(frame, AT.destination),
    kind: type === SOLICITATION ? "solicitation" : "advertisement",
    flags: type === SOLICITATION ? 0 : frame[AT.flags] ?? 0,
    target: readIp6(frame, AT.target),
    linkLayer: at === NO_OPTION ? undefined : readMac(frame, at),
  };
}

/** Where the message ends by the IPv6 header, or -1 when it is cut short. Allocates nothing. */
export function endOfMessage(frame: Uint8Array, length: number): number {
  const payload = readU16(frame, AT.payloadLength);
  const end = AT.type + payload;
  return payload < MESSAGE_LENGTH || end > length ? -1 : end;
}

export const NO_OPTION = -1;
export const BAD_OPTION = -2;

/** Where the hardware address of a link-layer option lies, or why nowhere. Allocates nothing. */
export function linkLayerOption(frame: Uint8Array, end: number, wanted: number): number {
  let found = NO_OPTION;
  for (let at: number = AT.options; at < end;) {
    const length = 8 * (frame[at + 1] ?? 0);
    if (length === 0 || at + length > end) return BAD_OPTION;
    if (frame[at] === wanted && found === NO_OPTION) found = at + 2;
    at += length;
  }
  return found;
}

/**
 * The checksum over pseudo header and message (RFC 4443 §2.3), folded and complemented: 0 over a
 * message whose checksum is right, the one to write over a message whose field is 0.
 */
export function checksumOf(frame: Uint8Array, end: number): number {
  let sum = end - AT.type + ICMPV6;
  for (let at: number = AT.source; at < end; at += 2) {
    // The last octet of an odd length counts as if a zero followed.
    sum += at + 1 < end ? readU16(frame, at) : (frame[at] ?? 0) << 8;
  }
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Writes a whole frame into `out`, at least 86 octets, and gives its length. */
export function writeNdp(packet: NdpPacket, out: Uint8Array): number {
  const isSolicitation = packet.kind === "solicitation";
  const length = AT.options + (packet.linkLayer === undefined ? 0 : 8);
  writeMac(out, 0, packet.destinationMac);
  writeMac(out, 6, packet.sourceMac);
  writeIp6(out, AT.source, packet.source);
  writeIp6(out, AT.destination, packet.destination);
  writeIp6(out, AT.target, packet.target);
  writeHeader(out, isSolicitation ? SOLICITATION : ADVERTISEMENT, packet.flags, length);
  if (packet.linkLayer !== undefined) {
    out[AT.options] = isSolicitation ? SOURCE_LINK_LAYER : TARGET_LINK_LAYER;
    out[AT.options + 1] = 1;
    writeMac(out, AT.options + 2, packet.linkLayer);
  }
  writeU16(out, AT.checksum, checksumOf(out, length));
  return length;
}

/** Writes all that is the same in each frame of a type; checksum 0. */
export function writeHeader(out: Uint8Array, type: number, flags: number, length: number): void {
  writeU16(out, 12, ETHERTYPE_IPV6);
  out.fill(0, ETHERNET_HEADER_LENGTH, AT.payloadLength);
  out[AT.version] = IPV6_VERSION << 4;
  writeU16(out, AT.payloadLength, length - AT.type);
  out[AT.nextHeader] = ICMPV6;
  out[AT.hopLimit] = NDP_HOP_LIMIT;
  out[AT.type] = type;
  out.fill(0, AT.code, AT.target);
  out[AT.flags] = flags;
}

/**
 * The unsolicited advertisement (RFC 4861 §7.2.6): with Override, so that neighbours that know the
 * address under another hardware address take the new one.
 */
export function unsolicitedAdvertisement(ip: Ip6, mac: Mac): NdpPacket {
  return {
    destinationMac: ALL_NODES_MAC,
    sourceMac: mac,
    source: ip,
    destination: ALL_NODES,
    kind: "advertisement",
    flags: FLAG.override,
    target: ip,
    linkLayer: mac,
  };
}

/** Duplicate address detection (RFC 4862 §5.4.2): from ::, to the address's own group. */
export function duplicateProbe(ip: Ip6, mac: Mac): NdpPacket {
  return {
    // The group's last four octets (RFC 2464 §7).
    destinationMac: (0x3333_ff00_0000 + Number(ip & 0xff_ffffn)) as Mac,
    sourceMac: mac,
    source: 0n as Ip6,
    destination: solicitedNodeGroup(ip),
    kind: "solicitation",
    flags: 0,
    target: ip,
    linkLayer: undefined,
  };
}

function refuse(reason: WireError["reason"], detail: string, offset: number): WireError {
  return wireError("ndp", reason, detail, offset);
}
