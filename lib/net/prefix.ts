import {
  bitsOf,
  type Family,
  familyOf,
  formatIp,
  type Ip,
  type Ip4,
  type Ip6,
  parseIp,
} from "./ip.ts";

/** A network: its host bits are zero whatever was written. */
export interface Prefix {
  readonly address: Ip;
  readonly length: number;
}

/** Why a text is no prefix. */
type PrefixMistake = "no-length" | "bad-address" | "bad-length";

/** A prefix read from text, and whether host bits were cut off it. */
interface ParsedPrefix {
  readonly prefix: Prefix;
  readonly hostBitsCut: boolean;
}

/** The address with all bits after `length` cleared. */
export function maskIp(ip: Ip, length: number): Ip {
  const family = familyOf(ip);
  const hostBits = BigInt(bitsOf(family) - length);
  const masked = (BigInt(ip) >> hostBits) << hostBits;
  return ofFamily(family, masked);
}

/** The last address of a prefix. */
export function lastIp(prefix: Prefix): Ip {
  const family = familyOf(prefix.address);
  const hostBits = BigInt(bitsOf(family) - prefix.length);
  return ofFamily(family, BigInt(prefix.address) | ((1n << hostBits) - 1n));
}

/** Whether the address lies in the prefix; false for the other family. */
export function prefixContains({ address, length }: Prefix, ip: Ip): boolean {
  return familyOf(ip) === familyOf(address) && maskIp(ip, length) === address;
}

/** The longest prefix with both in it; undefined where they are not of one family. */
export function prefixAround(one: Prefix, other: Prefix): Prefix | undefined {
  if (familyOf(one.address) !== familyOf(other.address)) return undefined;
  let length = Math.min(one.length, other.length);
  while (maskIp(one.address, length) !== maskIp(other.address, length)) length--;
  return { address: maskIp(one.address, length), length };
}

/** Reads `address/length` in decimal; the host bits are cut as MetalLB does. */
export function parsePrefix(text: string): ParsedPrefix | PrefixMistake {
  const slash = text.indexOf("/");
  if (slash < 0) return "no-length";
  const address = parseIp(text.slice(0, slash));
  if (address === undefined) return "bad-address";
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return "bad-length";
  const length = Number(digits);
  if (length > bitsOf(familyOf(address))) return "bad-length";
  const masked = maskIp(address, length);
  return { prefix: { address: masked, length }, hostBitsCut: masked !== address };
}

/** `address/length`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.address)}/${prefix.length}`;
}

function ofFamily(family: Family, value: bigint): Ip {
  return family === 4 ? Number(value) as Ip4 : value as Ip6;
}
