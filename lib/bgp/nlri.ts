import { readU32, writeU32 } from "../net/ethernet.ts";
import { bitsOf, type Family, type Ip, type Ip4, type Ip6, ip6 } from "../net/ip.ts";
import type { Prefix } from "../net/prefix.ts";

/** Prefixes as they stand in a message, checked: each is whole and none too long. */
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

/** The prefixes; bits beyond their length are cleared (RFC 4271 §4.3: irrelevant). */
export function prefixesOf({ family, bytes, count }: Nlri): Prefix[] {
  const prefixes = new Array<Prefix>(count);
  for (let at = 0, index = 0; index < count; index++) {
    const length = bytes[at] ?? 0;
    const address = family === 4 ? readIp4Part(bytes, at + 1, length) : ip6Part(bytes, at, length);
    prefixes[index] = { address, length };
    at += prefixBytes(length);
  }
  return prefixes;
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

function readIp4Part(bytes: Uint8Array, offset: number, length: number): Ip4 {
  if (length === 0) return 0 as Ip4;
  const size = (length + 7) >> 3;
  let value = 0;
  for (let index = 0; index < size; index++) {
    value |= (bytes[offset + index] ?? 0) << (24 - 8 * index);
  }
  return ((value & (-1 << (32 - length))) >>> 0) as Ip4;
}

function ip6Part(bytes: Uint8Array, at: number, length: number): Ip {
  if (length === 128) return readIp(6, bytes, at + 1);
  const whole = new Uint8Array(16);
  whole.set(bytes.subarray(at + 1, at + prefixBytes(length)));
  const host = BigInt(128 - length);
  return ip6((BigInt(readIp(6, whole, 0)) >> host) << host);
}
