import { unreachable } from "../base/errors.ts";
import type { Ip } from "../net/ip.ts";
import { writeU16, writeU32 } from "../net/ethernet.ts";
import { type AsPathSegment, ATTRIBUTE, FLAG, type PathAttribute } from "./attribute.ts";
import { ipBytes } from "./nlri.ts";

const SEGMENT_CODES = { set: 1, sequence: 2, "confed-sequence": 3, "confed-set": 4 } as const;

/** Encodes attributes in the order given, with their flags; the long form of length where it must be. */
export function encodeAttributes(
  attributes: readonly PathAttribute[],
  asnBytes: 2 | 4,
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const attribute of attributes) {
    const [code, value] = valueBytes(attribute, asnBytes);
    parts.push(attributeHead(attribute.flags, code, value.length), value);
  }
  return concat(parts);
}

/** Flags, code and length of an attribute. */
function attributeHead(flags: number, code: number, length: number): Uint8Array {
  const extended = length > 255 || (flags & FLAG.extended) !== 0;
  return extended
    ? Uint8Array.of(flags | FLAG.extended, code, length >> 8, length & 255)
    : Uint8Array.of(flags, code, length);
}

/** The bytes one after the other. */
function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function valueBytes(attribute: PathAttribute, asnBytes: 2 | 4): [code: number, value: Uint8Array] {
  switch (attribute.kind) {
    case "origin":
      return [ATTRIBUTE.origin, Uint8Array.of(attribute.value)];
    case "as-path":
      return [ATTRIBUTE.asPath, asPathBytes(attribute.segments, asnBytes)];
    case "as4-path":
      return [ATTRIBUTE.as4Path, asPathBytes(attribute.segments, 4)];
    case "next-hop":
      return [ATTRIBUTE.nextHop, numbers([attribute.address])];
    case "med":
      return [ATTRIBUTE.med, numbers([attribute.value])];
    case "local-pref":
      return [ATTRIBUTE.localPref, numbers([attribute.value])];
    case "atomic-aggregate":
      return [ATTRIBUTE.atomicAggregate, new Uint8Array(0)];
    case "aggregator":
      return [
        ATTRIBUTE.aggregator,
        concat([asnOctets(attribute.asn, asnBytes), numbers([attribute.address])]),
      ];
    case "as4-aggregator":
      return [ATTRIBUTE.as4Aggregator, numbers([attribute.asn, attribute.address])];
    case "communities":
      return [ATTRIBUTE.communities, numbers(attribute.communities)];
    case "originator-id":
      return [ATTRIBUTE.originatorId, numbers([attribute.address])];
    case "cluster-list":
      return [ATTRIBUTE.clusterList, numbers(attribute.ids)];
    case "large-communities":
      return [ATTRIBUTE.largeCommunities, numbers(attribute.communities.flat())];
    case "mp-reach": {
      const head = mpReachHead(attribute.afi, attribute.safi, attribute.nextHops);
      return [ATTRIBUTE.mpReach, concat([head, attribute.nlri.bytes])];
    }
    case "mp-unreach": {
      const head = Uint8Array.of(attribute.afi >> 8, attribute.afi & 255, attribute.safi);
      return [ATTRIBUTE.mpUnreach, concat([head, attribute.withdrawn.bytes])];
    }
    case "opaque":
      return [attribute.code, attribute.bytes];
    default:
      return unreachable(attribute);
  }
}

/** MP_REACH_NLRI before its prefixes: family, next hops and the reserved octet (RFC 4760 §3). */
export function mpReachHead(afi: number, safi: number, nextHops: readonly Ip[]): Uint8Array {
  const hops = concat(nextHops.map(ipBytes));
  return Uint8Array.of(afi >> 8, afi & 255, safi, hops.length, ...hops, 0);
}

function asPathBytes(segments: readonly AsPathSegment[], asnBytes: 2 | 4): Uint8Array {
  return concat(segments.flatMap(({ kind, asns }) => [
    Uint8Array.of(SEGMENT_CODES[kind], asns.length),
    ...asns.map((asn) => asnOctets(asn, asnBytes)),
  ]));
}

function asnOctets(asn: number, asnBytes: 2 | 4): Uint8Array {
  if (asnBytes === 4) return numbers([asn]);
  const bytes = new Uint8Array(2);
  writeU16(bytes, 0, asn);
  return bytes;
}

function numbers(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, index) => writeU32(bytes, index * 4, value));
  return bytes;
}
