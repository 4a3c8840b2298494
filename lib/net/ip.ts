import { Address6 } from "ip-address";

/** An IPv4 address as an unsigned 32-bit number, most significant octet first. */
export type Ip4 = number & { readonly __brand: "Ip4" };
/** An IPv6 address as an unsigned 128-bit number. */
export type Ip6 = bigint & { readonly __brand: "Ip6" };
/** An address of either family; `typeof` tells which. */
export type Ip = Ip4 | Ip6;
export type Family = 4 | 6;

export const IP4_MAX = 0xffff_ffff;
export const IP6_MAX = (1n << 128n) - 1n;

/** Makes an {@link Ip6} of a number. @throws RangeError when it does not fit in 128 bits */
export function ip6(value: bigint): Ip6 {
  if (value < 0n || value > IP6_MAX) {
    throw new RangeError(`Cannot make an IPv6 address of ${value}`);
  }
  return value as Ip6;
}

/**
 * Reads a dotted quad: four decimal octets without leading zeros. Anything that C's `inet_aton`
 * would stretch (`10.1`, `0x0a000001`, `010.0.0.1`) is refused.
 */
export function parseIp4(text: string): Ip4 | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let value = 0;
  for (const octet of octets) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(octet)) return undefined;
    const number = Number(octet);
    if (number > 255) return undefined;
    value = value * 256 + number;
  }
  return value as Ip4;
}

/**
 * Reads an IPv6 address (RFC 4291 §2.2). A zone (`%eth0`), a length (`/64`) or brackets are
 * refused here; so is text that is no IPv6 address.
 */
export function parseIp6(text: string): Ip6 | undefined {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(":")) return undefined;
  if (!Address6.isValid(text)) return undefined;
  return new Address6(text).bigInt() as Ip6;
}

/** Reads an address of either family, or gives undefined. */
export function parseIp(text: string): Ip | undefined {
  return text.includes(":") ? parseIp6(text) : parseIp4(text);
}

/** The usual text: dotted quad, or RFC 5952 for IPv6. */
export function formatIp(ip: Ip): string {
  if (typeof ip === "number") {
    return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
  }
  return formatIp6(ip);
}

/** A host's name or address as it is written before a port: IPv6 in brackets. */
export function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

const GROUPS = 8;
const ZERO = "0".charCodeAt(0);

/** RFC 5952. The library that reads IPv6 takes ten times as long to write it, for each event. */
function formatIp6(ip: Ip6): string {
  const digits = ip.toString(16).padStart(4 * GROUPS, "0");
  const zeros = longestZeros(digits);
  if (zeros === undefined) return groupsOf(digits, 0, GROUPS);
  return `${groupsOf(digits, 0, zeros.start)}::${groupsOf(digits, zeros.end, GROUPS)}`;
}

function groupsOf(digits: string, from: number, to: number): string {
  let text = "";
  for (let group = from; group < to; group++) {
    let first = 4 * group;
    while (first < 4 * group + 3 && digits.charCodeAt(first) === ZERO) first++;
    text += (group === from ? "" : ":") + digits.slice(first, 4 * group + 4);
  }
  return text;
}

/** The first of the longest runs of at least two zero groups (RFC 5952 §4.2). */
function longestZeros(digits: string): { start: number; end: number } | undefined {
  let longest: { start: number; end: number } | undefined;
  let start = 0;
  for (let group = 0; group <= GROUPS; group++) {
    if (digits.startsWith("0000", 4 * group)) continue;
    const length = group - start;
    if (length > 1 && length > (longest ? longest.end - longest.start : 0)) {
      longest = { start, end: group };
    }
    start = group + 1;
  }
  return longest;
}

export function familyOf(ip: Ip): Family {
  return typeof ip === "number" ? 4 : 6;
}

/** Bits in an address of the family: 32 or 128. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** Orders addresses: IPv4 before IPv6, then by value. */
export function compareIp(a: Ip, b: Ip): number {
  const byFamily = familyOf(a) - familyOf(b);
  if (byFamily !== 0) return byFamily;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether the address counts on its link alone (fe80::/10). */
export function isLinkLocal(ip: Ip): boolean {
  return typeof ip === "bigint" && ip >> 118n === 0x3fan;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(ip: Ip): boolean {
  return typeof ip === "number" ? ip >>> 24 === 127 : ip === 1n;
}

/** 0.0.0.0 or ::. */
export function isUnspecified(ip: Ip): boolean {
  return typeof ip === "number" ? ip === 0 : ip === 0n;
}

/** ::ffff:0:0/96, an IPv4 address in IPv6 dress (RFC 4291 §2.5.5.2). */
export function isMapped(ip: Ip): boolean {
  return typeof ip === "bigint" && ip >> 32n === 0xffffn;
}
