import type { Ip6 } from "./ip.ts";

/** Reads sixteen octets; past the end there are zeros. */
export function readIp6(bytes: Uint8Array, offset: number): Ip6 {
  let value = 0n;
  for (let octet = 0; octet < 16; octet++) value = value << 8n | BigInt(bytes[offset + octet] ?? 0);
  return value as Ip6;
}

/** Writes sixteen octets. */
export function writeIp6(bytes: Uint8Array, offset: number, ip: Ip6): void {
  let rest: bigint = ip;
  for (let octet = 15; octet >= 0; octet--) {
    bytes[offset + octet] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}
