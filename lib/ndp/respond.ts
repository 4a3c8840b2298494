import { DROP } from "../neighbour/drops.ts";
import { type AddressTable, copyHardware, countDrop, countRequest } from "../neighbour/table.ts";
import { slotOf6 } from "../neighbour/table.ts";
import { ETHERTYPE_IPV6, MAC_LENGTH, readU16, writeU16 } from "../net/ethernet.ts";
import { allOctets, copyOctets, equalOctets } from "../net/octets.ts";
import {
  ADVERTISEMENT,
  ADVERTISEMENT_FRAME_LENGTH,
  AT,
  BAD_OPTION,
  checksumOf,
  endOfMessage,
  FLAG,
  ICMPV6,
  IPV6_VERSION,
  isSolicitedNode,
  linkLayerOption,
  NDP_HOP_LIMIT,
  NO_OPTION,
  SOLICITATION,
  SOURCE_LINK_LAYER,
  TARGET_LINK_LAYER,
  writeHeader,
} from "./packet.ts";

/** The reply's length, or this when there is none. */
export const NO_REPLY = 0;
const ADDRESS_LENGTH = 16;

/**
 * Answers a neighbour solicitation (RFC 4861 §7.2.4) for an owned address: writes the advertisement
 * into `out` and gives its length, or {@link NO_REPLY} after counting why. Runs for each frame, so
 * it makes no object.
 *
 * By multicast, by unicast (a neighbour that verifies its entry) and without the sender's link-layer
 * option alike. A host that detects duplicates (source ::) is told by ff02::1 that the address is
 * taken (RFC 4862 §5.4.4).
 */
export function respond(
  frame: Uint8Array,
  length: number,
  ifindex: number,
  table: AddressTable,
  out: Uint8Array,
): number {
  const end = endOfNdp(frame, length);
  if (end < 0) return drop(table, DROP.notNdp);
  if (frame[AT.type] !== SOLICITATION) return drop(table, DROP.notSolicitation);
  // Nearly all solicitations of a LAN are for others: they end here.
  const slot = slotOf6(table, frame, AT.target);
  if (slot < 0) return drop(table, DROP.notOwned);
  if (!copyHardware(table, ifindex, out, 6)) return drop(table, DROP.interfaceUnused);
  const toGroup = frame[0] === 0x33 && frame[1] === 0x33;
  if (!toGroup && !equalOctets(frame, 0, out, 6, MAC_LENGTH)) return drop(table, DROP.notToUs);
  if (checksumOf(frame, end) !== 0) return drop(table, DROP.badChecksum);
  const option = linkLayerOption(frame, end, SOURCE_LINK_LAYER);
  if (option === BAD_OPTION) return drop(table, DROP.notNdp);
  const isProbe = allOctets(frame, AT.source, ADDRESS_LENGTH, 0);
  if (isProbe && (option !== NO_OPTION || !isSolicitedNode(frame, AT.destination))) {
    return drop(table, DROP.badSender);
  }
  const sender = option === NO_OPTION ? 6 : option;
  if (equalOctets(frame, sender, out, 6, MAC_LENGTH)) return drop(table, DROP.ownFrame);
  const isGroup = ((frame[sender] ?? 1) & 1) === 1 || frame[AT.source] === 0xff;
  if (isGroup || allOctets(frame, sender, MAC_LENGTH, 0)) return drop(table, DROP.badSender);
  countRequest(table, slot);
  writeAdvertisement(frame, isProbe ? -1 : sender, out);
  return ADVERTISEMENT_FRAME_LENGTH;
}

/** `sender` is where the asker's hardware address lies; -1 answers to all nodes. */
function writeAdvertisement(frame: Uint8Array, sender: number, out: Uint8Array): void {
  const solicited = sender >= 0;
  const flags = solicited ? FLAG.solicited | FLAG.override : FLAG.override;
  writeHeader(out, ADVERTISEMENT, flags, ADVERTISEMENT_FRAME_LENGTH);
  if (solicited) {
    copyOctets(frame, sender, out, 0, MAC_LENGTH);
    copyOctets(frame, AT.source, out, AT.destination, ADDRESS_LENGTH);
  } else {
    writeAllNodes(out);
  }
  copyOctets(frame, AT.target, out, AT.source, ADDRESS_LENGTH);
  copyOctets(frame, AT.target, out, AT.target, ADDRESS_LENGTH);
  out[AT.options] = TARGET_LINK_LAYER;
  out[AT.options + 1] = 1;
  copyOctets(out, 6, out, AT.options + 2, MAC_LENGTH);
  writeU16(out, AT.checksum, checksumOf(out, ADVERTISEMENT_FRAME_LENGTH));
}

/** ff02::1 and 33:33:00:00:00:01. */
function writeAllNodes(out: Uint8Array): void {
  writeU16(out, 0, 0x3333);
  writeU16(out, 2, 0);
  writeU16(out, 4, 1);
  out.fill(0, AT.destination, AT.destination + ADDRESS_LENGTH);
  writeU16(out, AT.destination, 0xff02);
  out[AT.destination + ADDRESS_LENGTH - 1] = 1;
}

/**
 * Where the frame says that an owned address is another host's: an advertisement with it as target
 * that came from a foreign hardware address. Gives the target's place, else -1; the sender's
 * hardware address is the Ethernet source. Allocates nothing.
 */
export function conflictOf(
  frame: Uint8Array,
  length: number,
  ifindex: number,
  table: AddressTable,
  scratch: Uint8Array,
): number {
  const end = endOfNdp(frame, length);
  if (end < 0 || frame[AT.type] !== ADVERTISEMENT) return -1;
  if (slotOf6(table, frame, AT.target) < 0) return -1;
  if (!copyHardware(table, ifindex, scratch, 0)) return -1;
  if (equalOctets(frame, 6, scratch, 0, MAC_LENGTH)) return -1;
  return checksumOf(frame, end) === 0 ? AT.target : -1;
}

/** Where the neighbour discovery message ends, or -1 when the frame holds none. */
function endOfNdp(frame: Uint8Array, length: number): number {
  if (length < AT.options || readU16(frame, 12) !== ETHERTYPE_IPV6) return -1;
  if ((frame[AT.version] ?? 0) >> 4 !== IPV6_VERSION) return -1;
  if (frame[AT.nextHeader] !== ICMPV6 || frame[AT.hopLimit] !== NDP_HOP_LIMIT) return -1;
  return frame[AT.code] === 0 ? endOfMessage(frame, length) : -1;
}

function drop(table: AddressTable, reason: number): number {
  countDrop(table, reason);
  return NO_REPLY;
}
