import { readU32, writeU32 } from "../net/ethernet.ts";
import { bitsOf, type Family, type Ip, type Ip4, type Ip6 } from "../net/ip.ts";
import type { Prefix } from "../net/prefix.ts";

/** The prefixes of a message as bytes, checked: each is whole and none too long. */
export interface Nlri {
  readonly family: Family;
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Why bytes are no list of prefixes (RFC 4271 §6.3 network field, RFC 7606 §5.3). */
export type NlriMistake = "bad-prefix-length" | "truncated";

/** Octets that a prefix takes in a message. */
export function prefixBytes(length: number): number {
  return 1 + ((length + 7) >> 3);
}

/** Checks and counts prefixes without making any: routers send a million to a speaker that wants none. */
export function scanNlri(family: Family, bytes: Uint8Array): Nlri | NlriMistake {
  const bits = bitsOf(family);
  let count = 0;
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at] ?? 0;
    if (length > bits) return "bad-prefix-length";
    at += prefixBytes(length);
    if (at > bytes.length) return "truncated";
    count++;
  }
  return { family, bytes, count };
}

/** Writes a prefix and gives the offset after it. */
export function writePrefix(
  bytes: Uint8Array,
  offset: number,
  { address, length }: Prefix,
): number {
  const size = (length + 7) >> 3;
  bytes[offset] = length;
  if (typeof address === "number") {
    for (let index = 0; index < size; index++) {
      bytes[offset + 1 + index] = address >>> (24 - 8 * index);
    }
  } else {
    for (let word = 0; word * 4 < size; word++) {
      const value = Number((address >> BigInt(96 - 32 * word)) & 0xffff_ffffn);
      for (let index = word * 4; index < size && index < word * 4 + 4; index++) {
        bytes[offset + 1 + index] = value >>> (24 - 8 * (index & 3));
      }
    }
  }
  return offset + 1 + size;
}

/** An address's octets: 4 or 16. */
export function ipBytes(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(typeof ip === "number" ? 4 : 16);
  if (typeof ip === "number") writeU32(bytes, 0, ip);
  else {
    for (let word = 0; word < 4; word++) {
      writeU32(bytes, word * 4, Number((ip >> BigInt(96 - 32 * word)) & 0xffff_ffffn));
    }
  }
  return bytes;
}

/** Reads an address of that family; the caller has checked the length. */
export function readIp(family: Family, bytes: Uint8Array, offset: number): Ip {
  if (family === 4) return readU32(bytes, offset) as Ip4;
  const high = BigInt(readU32(bytes, offset)) << 32n | BigInt(readU32(bytes, offset + 4));
  const low = BigInt(readU32(bytes, offset + 8)) << 32n | BigInt(readU32(bytes, offset + 12));
  return (high << 64n | low) as Ip6;
}

/** Address family numbers; Herald speaks unicast of both, SAFI 1. */
export function afiOf(family: Family): 1 | 2 {
  return family === 4 ? 1 : 2;
}

/** The family of a message's numbers; undefined for what Herald does not speak. */
export function familyOfAfi(afi: number, safi: number): Family | undefined {
  if (safi !== 1) return undefined;
  return afi === 1 ? 4 : afi === 2 ? 6 : undefined;
}
