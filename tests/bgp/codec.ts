// The half of the codec that Herald needs not: it never looks into the routes of others.
import type { PathAttribute } from "../../lib/bgp/attribute.ts";
import { encodeAttributes } from "../../lib/bgp/attribute_encode.ts";
import { encodeMessage, TYPE } from "../../lib/bgp/frame.ts";
import { type Nlri, prefixBytes, readIp } from "../../lib/bgp/nlri.ts";
import type { Update } from "../../lib/bgp/update.ts";
import { writeU16 } from "../../lib/net/ethernet.ts";
import { type Family, type Ip, type Ip4, ip6 } from "../../lib/net/ip.ts";
import type { Prefix } from "../../lib/net/prefix.ts";

/** What an End-of-RIB marker ends (RFC 4724 §2); undefined for any other UPDATE. */
export function endOfRib(update: Update): Family | undefined {
  if (update.withdrawn.count > 0 || update.nlri.count > 0) return undefined;
  const [only, ...others] = update.attributes;
  if (only === undefined) return update.mistakes.length === 0 ? 4 : undefined;
  if (others.length > 0 || only.kind !== "mp-unreach" || only.withdrawn.count > 0) return undefined;
  return only.withdrawn.family;
}

/** Encodes an UPDATE whose parts are whole and fit into a message; AS numbers take four octets. */
export function encodeUpdate(
  withdrawn: Uint8Array,
  attributes: readonly PathAttribute[],
  nlri: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const encoded = encodeAttributes(attributes, 4);
  const body = new Uint8Array(4 + withdrawn.length + encoded.length + nlri.length);
  writeU16(body, 0, withdrawn.length);
  body.set(withdrawn, 2);
  writeU16(body, 2 + withdrawn.length, encoded.length);
  body.set(encoded, 4 + withdrawn.length);
  body.set(nlri, 4 + withdrawn.length + encoded.length);
  return encodeMessage(TYPE.update, body);
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
