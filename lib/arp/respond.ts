import {
  ETHERNET_HEADER_LENGTH,
  ETHERTYPE_ARP,
  MAC_LENGTH,
  readI32,
  readU16,
  writeU16,
} from "../net/ethernet.ts";
import { allOctets, copyOctets, equalOctets } from "../net/octets.ts";
import { DROP } from "../neighbour/drops.ts";
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
} from "../neighbour/table.ts";

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
  if (at < 0 || length < at + ARP_LENGTH || !isEthernetIpv4(frame, at)) {
    return drop(table, DROP.notArp);
  }
  if (readU16(frame, at + 6) !== ARP_REQUEST) return drop(table, DROP.notRequest);
  // Nearly all requests of a LAN are for others: they end here.
  const slot = slotOf(table, readI32(frame, at + 24));
  if (slot < 0) return drop(table, DROP.notOwned);
  // Hardware addresses are compared and copied as octets: as numbers they outgrow 32 bits, and each
  // would be an object.
  if (!copyHardware(table, ifindex, out, 6)) return drop(table, DROP.interfaceUnused);
  if (!allOctets(frame, 0, MAC_LENGTH, 0xff) && !equalOctets(frame, 0, out, 6, MAC_LENGTH)) {
    return drop(table, DROP.notToUs);
  }
  const sender = at + 8;
  if (equalOctets(frame, sender, out, 6, MAC_LENGTH)) return drop(table, DROP.ownFrame);
  // A reply to a group or to nobody would go to every host.
  if (((frame[sender] ?? 1) & 1) === 1 || allOctets(frame, sender, MAC_LENGTH, 0)) {
    return drop(table, DROP.badSender);
  }
  // A host that announces the address as its own asks nothing; see conflictOf().
  if (equalOctets(frame, at + 14, frame, at + 24, 4)) return drop(table, DROP.gratuitous);
  countRequest(table, slot);
  if (!equalOctets(frame, sender, frame, 6, MAC_LENGTH)) countForeignSender(table);
  const to = ETHERNET_HEADER_LENGTH;
  copyOctets(frame, sender, out, 0, MAC_LENGTH);
  writeU16(out, 12, ETHERTYPE_ARP);
  writeU16(out, to, HARDWARE_ETHERNET);
  writeU16(out, to + 2, PROTOCOL_IPV4);
  writeU16(out, to + 4, 0x0604);
  writeU16(out, to + 6, ARP_REPLY);
  copyOctets(out, 6, out, to + 8, MAC_LENGTH);
  copyOctets(frame, at + 24, out, to + 14, 4);
  // The sender's hardware and protocol address are side by side and become the target's.
  copyOctets(frame, sender, out, to + 18, MAC_LENGTH + 4);
  return ARP_FRAME_LENGTH;
}

/**
 * Where the frame says that an owned address is another host's (RFC 5227 §2.4): its sender has the
 * address, and not the hardware address of this interface. Gives the octets' place of the address,
 * else -1; the sender's hardware address is six octets before. Allocates nothing.
 */
export function conflictOf(
  frame: Uint8Array,
  length: number,
  ifindex: number,
  table: AddressTable,
  scratch: Uint8Array,
): number {
  const at = length >= ARP_FRAME_LENGTH ? arpOffset(frame) : -1;
  if (at < 0 || length < at + ARP_LENGTH || !isEthernetIpv4(frame, at)) return -1;
  if (slotOf(table, readI32(frame, at + 14)) < 0) return -1;
  if (!copyHardware(table, ifindex, scratch, 0)) return -1;
  return equalOctets(frame, at + 8, scratch, 0, MAC_LENGTH) ? -1 : at + 14;
}

/** The target address of the request that `respond` answered in `out`, as a signed number. */
export function repliedFor(out: Uint8Array): number {
  return readI32(out, ETHERNET_HEADER_LENGTH + 14);
}

function isEthernetIpv4(frame: Uint8Array, at: number): boolean {
  return readU16(frame, at) === HARDWARE_ETHERNET && readU16(frame, at + 2) === PROTOCOL_IPV4 &&
    readU16(frame, at + 4) === 0x0604;
}

function drop(table: AddressTable, reason: number): number {
  countDrop(table, reason);
  return NO_REPLY;
}
