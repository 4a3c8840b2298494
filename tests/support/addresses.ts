import type { Mac } from "../../lib/net/ethernet.ts";
import { formatIp, type Ip4, IP4_MAX } from "../../lib/net/ip.ts";
import type { AddressRange } from "../../lib/net/range.ts";

/** Makes an IPv4 address of a number. @throws RangeError when it does not fit in 32 bits */
export function ip4(value: number): Ip4 {
  if (!Number.isInteger(value) || value < 0 || value > IP4_MAX) {
    throw new RangeError(`Cannot make an IPv4 address of ${value}`);
  }
  return value as Ip4;
}

/** Reads `02:00:00:00:00:01`; undefined for anything else. */
export function parseMac(text: string): Mac | undefined {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(text)) return undefined;
  return Number.parseInt(text.replaceAll(":", ""), 16) as Mac;
}

/** `first-last` in the usual text of addresses. */
export function formatRange({ first, last }: AddressRange): string {
  return `${formatIp(first)}-${formatIp(last)}`;
}
