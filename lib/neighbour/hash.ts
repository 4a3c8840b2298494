import { readI32 } from "../net/ethernet.ts";
import type { Ip6 } from "../net/ip.ts";

/** An IPv6 address in four words, then its slot + 1 (0 marks an empty place). */
export const ADDRESS6_WORDS = 5;
const SLOT = 4;

/**
 * Spreads numbers over the places (Knuth's multiplicative hash). The upper bits depend on all bits
 * of the number: lower ones would put addresses that differ in their first octets in one place.
 */
export function hash(value: number): number {
  return Math.imul(value, 0x9e3779b1) >>> 17;
}

/** Puts an address into the open hash table of `places` that begins at `base`. */
export function enter6(
  words: Int32Array,
  base: number,
  places: number,
  ip: Ip6,
  slot: number,
): number {
  const key = [96n, 64n, 32n, 0n].map((shift) => Number(BigInt.asIntN(32, ip >> shift)));
  const [a = 0, b = 0, c = 0, d = 0] = key;
  let place = hash6(a, b, c, d) & (places - 1);
  while (words[base + place * ADDRESS6_WORDS + SLOT] !== 0) place = (place + 1) & (places - 1);
  const at = base + place * ADDRESS6_WORDS;
  words.set([a, b, c, d, slot + 1], at);
  return at;
}

/** The slot of the address at `offset`, or -1. Allocates nothing. */
export function search6(
  words: Int32Array,
  base: number,
  places: number,
  octets: Uint8Array,
  offset: number,
): number {
  const a = readI32(octets, offset);
  const b = readI32(octets, offset + 4);
  const c = readI32(octets, offset + 8);
  const d = readI32(octets, offset + 12);
  let place = hash6(a, b, c, d) & (places - 1);
  for (let step = 0; step < places; step++) {
    const at = base + place * ADDRESS6_WORDS;
    const slot = words[at + SLOT] ?? 0;
    if (slot === 0) return -1;
    if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) {
      return slot - 1;
    }
    place = (place + 1) & (places - 1);
  }
  return -1;
}

function hash6(a: number, b: number, c: number, d: number): number {
  return hash(
    Math.imul(Math.imul(a ^ 0x2c1b3c6d, 0x297a2d39) ^ b, 0x1b56c4e9) ^ Math.imul(c, 31) ^ d,
  );
}
