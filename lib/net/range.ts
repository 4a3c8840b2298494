import { bitsOf, familyOf, type Ip, type Ip4, IP4_MAX, type Ip6 } from "./ip.ts";

/** Addresses from `first` to `last`, both included, of one family. */
export interface AddressRange {
  readonly first: Ip;
  readonly last: Ip;
  /** As the user wrote it: a prefix or `first-last`. */
  readonly text: string;
}

/** How many addresses the range holds; may exceed 2^53, hence a bigint. */
export function rangeSize(range: AddressRange): bigint {
  return BigInt(range.last) - BigInt(range.first) + 1n;
}

/** Whether the address lies in the range; false for the other family. */
export function rangeContains(range: AddressRange, ip: Ip): boolean {
  return typeof ip === typeof range.first && ip >= range.first && ip <= range.last;
}

/** Whether two ranges share an address. */
export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return typeof a.first === typeof b.first && a.first <= b.last && b.first <= a.last;
}

/** The next address up, or undefined at the end of the family's space. */
export function nextIp(ip: Ip): Ip | undefined {
  if (typeof ip === "number") return ip === IP4_MAX ? undefined : (ip + 1) as Ip4;
  return ip === (1n << 128n) - 1n ? undefined : (ip + 1n) as Ip6;
}

/**
 * IPv4 addresses ending in .0 and .255, which some old gear takes for network and broadcast
 * addresses (MetalLB `avoid-buggy-ips`).
 */
export function isBuggy(ip: Ip): boolean {
  if (typeof ip !== "number") return false;
  const last = ip & 255;
  return last === 0 || last === 255;
}

/**
 * The prefix lengths of the smallest set of prefixes that covers the range exactly, shortest
 * first. MetalLB checks aggregation lengths against these pieces.
 */
export function prefixLengths(range: AddressRange): number[] {
  const bits = BigInt(bitsOf(familyOf(range.first)));
  const lengths: number[] = [];
  let first = BigInt(range.first);
  const last = BigInt(range.last);
  while (first <= last) {
    let hostBits = 0n;
    while (
      hostBits < bits && (first & ((1n << (hostBits + 1n)) - 1n)) === 0n &&
      first + (1n << (hostBits + 1n)) - 1n <= last
    ) hostBits++;
    lengths.push(Number(bits - hostBits));
    first += 1n << hostBits;
  }
  return lengths.sort((a, b) => a - b);
}
