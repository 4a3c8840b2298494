/** A 48-bit hardware address as a number, first octet most significant. */
export type Mac = number & { readonly __brand: "Mac" };

export const MAC_LENGTH = 6;
export const ETHERNET_HEADER_LENGTH = 14;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_VLAN = 0x8100;
/** An 802.1Q tag: two octets of EtherType, two of priority and VLAN. */
export const VLAN_TAG_LENGTH = 4;
export const BROADCAST = 0xffff_ffff_ffff as Mac;
export const ZERO_MAC = 0 as Mac;

const LOW = 0x1_0000_0000;

/** Lower-case hexadecimal octets with colons. */
export function formatMac(mac: Mac): string {
  return mac.toString(16).padStart(12, "0").replace(/..(?!$)/g, "$&:");
}

/** Reads six octets; the caller has checked that they are there. */
export function readMac(bytes: Uint8Array, offset: number): Mac {
  const high = octet(bytes, offset) * 256 + octet(bytes, offset + 1);
  return (high * LOW + readU32(bytes, offset + 2)) as Mac;
}

/** Writes six octets. */
export function writeMac(bytes: Uint8Array, offset: number, mac: Mac): void {
  const high = Math.floor(mac / LOW);
  writeU16(bytes, offset, high);
  writeU32(bytes, offset + 2, mac);
}

/** Reads two octets, most significant first. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return octet(bytes, offset) * 256 + octet(bytes, offset + 1);
}

/** Reads four octets, most significant first. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return readI32(bytes, offset) >>> 0;
}

/** The same as a signed number, which is no object where it is made for each frame. */
export function readI32(bytes: Uint8Array, offset: number): number {
  return (octet(bytes, offset) << 24) | (octet(bytes, offset + 1) << 16) |
    (octet(bytes, offset + 2) << 8) | octet(bytes, offset + 3);
}

/** Writes two octets, most significant first. */
export function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value & 255;
}

/** Writes four octets, most significant first. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = (value >>> 16) & 255;
  bytes[offset + 2] = (value >>> 8) & 255;
  bytes[offset + 3] = value & 255;
}

// Callers check lengths once for a whole frame; past the end would read as zero, never throw.
function octet(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0;
}
