import { readU32 } from "../net/ethernet.ts";
import type { Ip, Ip4 } from "../net/ip.ts";
import type { Nlri } from "./nlri.ts";

/** Path attribute type codes. */
export const ATTRIBUTE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  largeCommunities: 32,
} as const;

/** Attribute flags (RFC 4271 §4.3). */
export const FLAG = { optional: 0x80, transitive: 0x40, partial: 0x20, extended: 0x10 } as const;
const WELL_KNOWN = FLAG.transitive;
const OPTIONAL_TRANSITIVE = FLAG.optional | FLAG.transitive;

export interface AsPathSegment {
  readonly kind: "set" | "sequence" | "confed-sequence" | "confed-set";
  readonly asns: readonly number[];
}

/** RFC 8092: global administrator and two local parts. */
export type LargeCommunity = readonly [global: number, local1: number, local2: number];

/** What an attribute says; `flags` are as they came. */
export type AttributeValue =
  | { readonly kind: "origin"; readonly value: number }
  | { readonly kind: "as-path" | "as4-path"; readonly segments: readonly AsPathSegment[] }
  | { readonly kind: "next-hop"; readonly address: Ip4 }
  | { readonly kind: "med" | "local-pref"; readonly value: number }
  | { readonly kind: "atomic-aggregate" }
  | {
    readonly kind: "aggregator" | "as4-aggregator";
    readonly asn: number;
    readonly address: Ip4;
  }
  | { readonly kind: "communities"; readonly communities: readonly number[] }
  | { readonly kind: "originator-id"; readonly address: Ip4 }
  | { readonly kind: "cluster-list"; readonly ids: readonly Ip4[] }
  | { readonly kind: "large-communities"; readonly communities: readonly LargeCommunity[] }
  | {
    readonly kind: "mp-reach";
    readonly afi: number;
    readonly safi: number;
    /** One, or a global and a link-local one (RFC 2545). */
    readonly nextHops: readonly Ip[];
    readonly nlri: Nlri;
  }
  | {
    readonly kind: "mp-unreach";
    readonly afi: number;
    readonly safi: number;
    readonly withdrawn: Nlri;
  }
  /** Not looked into: extended communities, families other than unicast, and what is not known. */
  | { readonly kind: "opaque"; readonly code: number; readonly bytes: Uint8Array };

export type PathAttribute = AttributeValue & { readonly flags: number };

/** What becomes of an attribute with an error (RFC 7606 §2). */
export type ErrorAction = "attribute-discard" | "treat-as-withdraw";

/** How one attribute is read: its flags, its lengths, and what an error in it means. */
export interface AttributeRule {
  readonly flags: number;
  readonly onError: ErrorAction;
  /** From an external peer it is discarded unread. */
  readonly internalOnly?: boolean;
  readonly fits: (length: number, asnBytes: 2 | 4) => boolean;
  /** Undefined when the value is wrong. */
  readonly read: (bytes: Uint8Array, asnBytes: 2 | 4) => AttributeValue | undefined;
}

const exactly = (size: number) => (length: number) => length === size;
const manyOf = (size: number) => (length: number) => length > 0 && length % size === 0;
const any = () => true;

/** RFC 4271 §4.3 and §5, RFC 1997, 4456, 6793, 8092; errors by RFC 7606 §7. MP_*: update.ts. */
export const RULES: ReadonlyMap<number, AttributeRule> = new Map<number, AttributeRule>([
  [ATTRIBUTE.origin, {
    flags: WELL_KNOWN,
    onError: "treat-as-withdraw",
    fits: exactly(1),
    read: ([value = 0]) => value > 2 ? undefined : { kind: "origin", value },
  }],
  [ATTRIBUTE.asPath, {
    flags: WELL_KNOWN,
    onError: "treat-as-withdraw",
    fits: any,
    read: (bytes, asnBytes) => readAsPath("as-path", bytes, asnBytes),
  }],
  [ATTRIBUTE.nextHop, {
    flags: WELL_KNOWN,
    onError: "treat-as-withdraw",
    fits: exactly(4),
    read: (bytes) => ({ kind: "next-hop", address: readU32(bytes, 0) as Ip4 }),
  }],
  [ATTRIBUTE.med, {
    flags: FLAG.optional,
    onError: "treat-as-withdraw",
    fits: exactly(4),
    read: (bytes) => ({ kind: "med", value: readU32(bytes, 0) }),
  }],
  [ATTRIBUTE.localPref, {
    flags: WELL_KNOWN,
    onError: "treat-as-withdraw",
    internalOnly: true,
    fits: exactly(4),
    read: (bytes) => ({ kind: "local-pref", value: readU32(bytes, 0) }),
  }],
  [ATTRIBUTE.atomicAggregate, {
    flags: WELL_KNOWN,
    onError: "attribute-discard",
    fits: exactly(0),
    read: () => ({ kind: "atomic-aggregate" }),
  }],
  [ATTRIBUTE.aggregator, {
    flags: OPTIONAL_TRANSITIVE,
    onError: "attribute-discard",
    fits: (length, asnBytes) => length === asnBytes + 4,
    read: (bytes, asnBytes) => readAggregator("aggregator", bytes, asnBytes),
  }],
  [ATTRIBUTE.communities, {
    flags: OPTIONAL_TRANSITIVE,
    onError: "treat-as-withdraw",
    fits: manyOf(4),
    read: (bytes) => ({ kind: "communities", communities: readNumbers(bytes) }),
  }],
  [ATTRIBUTE.originatorId, {
    flags: FLAG.optional,
    onError: "treat-as-withdraw",
    internalOnly: true,
    fits: exactly(4),
    read: (bytes) => ({ kind: "originator-id", address: readU32(bytes, 0) as Ip4 }),
  }],
  [ATTRIBUTE.clusterList, {
    flags: FLAG.optional,
    onError: "treat-as-withdraw",
    internalOnly: true,
    fits: manyOf(4),
    read: (bytes) => ({ kind: "cluster-list", ids: readNumbers(bytes).map((id) => id as Ip4) }),
  }],
  [ATTRIBUTE.extendedCommunities, {
    flags: OPTIONAL_TRANSITIVE,
    onError: "treat-as-withdraw",
    fits: manyOf(8),
    read: (bytes) => ({ kind: "opaque", code: ATTRIBUTE.extendedCommunities, bytes }),
  }],
  [ATTRIBUTE.as4Path, {
    flags: OPTIONAL_TRANSITIVE,
    onError: "attribute-discard",
    fits: (_, asnBytes) => asnBytes === 2, // a peer with AS numbers of four octets must not send it
    read: (bytes) => readAsPath("as4-path", bytes, 4),
  }],
  [ATTRIBUTE.as4Aggregator, {
    flags: OPTIONAL_TRANSITIVE,
    onError: "attribute-discard",
    fits: (length, asnBytes) => asnBytes === 2 && length === 8,
    read: (bytes) => readAggregator("as4-aggregator", bytes, 4),
  }],
  [ATTRIBUTE.largeCommunities, {
    flags: OPTIONAL_TRANSITIVE,
    onError: "treat-as-withdraw",
    fits: manyOf(12),
    read: (bytes) => ({ kind: "large-communities", communities: readLarge(bytes) }),
  }],
]);

const SEGMENT_KINDS = ["", "set", "sequence", "confed-sequence", "confed-set"] as const;

function readAsPath(
  kind: "as-path" | "as4-path",
  bytes: Uint8Array,
  asnBytes: 2 | 4,
): AttributeValue | undefined {
  const segments: AsPathSegment[] = [];
  for (let at = 0; at < bytes.length;) {
    const name = SEGMENT_KINDS[bytes[at] ?? 0];
    const count = bytes[at + 1] ?? 0;
    const end = at + 2 + count * asnBytes;
    if (name === undefined || name === "" || count === 0 || end > bytes.length) return undefined;
    const asns: number[] = [];
    for (let next = at + 2; next < end; next += asnBytes) {
      asns.push(
        asnBytes === 4 ? readU32(bytes, next) : (bytes[next] ?? 0) * 256 + (bytes[next + 1] ?? 0),
      );
    }
    segments.push({ kind: name, asns });
    at = end;
  }
  return { kind, segments };
}

function readAggregator(
  kind: "aggregator" | "as4-aggregator",
  bytes: Uint8Array,
  asnBytes: 2 | 4,
): AttributeValue {
  const asn = asnBytes === 4 ? readU32(bytes, 0) : (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  return { kind, asn, address: readU32(bytes, asnBytes) as Ip4 };
}

function readNumbers(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += 4) numbers.push(readU32(bytes, at));
  return numbers;
}

function readLarge(bytes: Uint8Array): LargeCommunity[] {
  const found: LargeCommunity[] = [];
  for (let at = 0; at < bytes.length; at += 12) {
    found.push([readU32(bytes, at), readU32(bytes, at + 4), readU32(bytes, at + 8)]);
  }
  return found;
}
