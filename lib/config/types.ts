import type { Millis } from "../base/time.ts";
import type { Ip, Ip4 } from "../net/ip.ts";
import type { AddressRange } from "../net/range.ts";

/**
 * The configuration as planners see it: checked, defaults filled in, in the order written. Pools say
 * which addresses there are, advertisements how they are announced.
 */
export interface Config {
  readonly pools: readonly Pool[];
  readonly layer2: readonly Layer2Advertisement[];
  readonly bgp: readonly BgpAdvertisement[];
  readonly peers: readonly Peer[];
  readonly bfdProfiles: readonly BfdProfile[];
  readonly communities: readonly CommunityAlias[];
}

/** One entry of `address-pools`, without the way in which it is announced. */
export interface Pool {
  readonly name: string;
  /** By which advertisements may select it. */
  readonly labels: ReadonlyMap<string, string>;
  /** In the order written; they overlap with no other range of any pool. */
  readonly ranges: readonly AddressRange[];
  readonly avoidBuggyIps: boolean;
  readonly autoAssign: boolean;
  /** Given only to a Service that asks for the very address; an addition of Herald. */
  readonly reserved: readonly AddressRange[];
  /** For so long a deleted Service's addresses wait for one of its name; an addition of Herald. */
  readonly stickyMs: Millis;
  /** Which Services the pool is for; newest MetalLB's `serviceAllocation`. */
  readonly serviceAllocation: ServiceAllocation;
}

/** Which Services get addresses of a pool unasked, and when the pool's turn is. */
export interface ServiceAllocation {
  /** Lower ones first, 0 last; equal ones in the order written. */
  readonly priority: number;
  /** The Service's namespace is one of these, or selected below; none of both means any. */
  readonly namespaces: readonly string[];
  readonly namespaceSelectors: readonly LabelSelector[];
  /** Alternatives for the Service's own labels; none means any. */
  readonly serviceSelectors: readonly LabelSelector[];
}

/** For every Service, after the pools that have a priority. */
export const FOR_ALL: ServiceAllocation = {
  priority: 0,
  namespaces: [],
  namespaceSelectors: [],
  serviceSelectors: [],
};

export const PROTOCOLS = ["layer2", "bgp"] as const;
/** How an address is announced; it may be in both ways at once. */
export type Protocol = typeof PROTOCOLS[number];

/** For which addresses and from which nodes an advertisement counts. */
export interface Advertisement {
  /** Names of pools, and selectors of their labels: either is enough; none of both means any pool. */
  readonly pools: readonly string[];
  readonly poolSelectors: readonly LabelSelector[];
  /** Alternatives for the node that announces; none means any. */
  readonly nodeSelectors: readonly LabelSelector[];
  /** Alternatives for the Service's own labels; none means any. */
  readonly serviceSelectors: readonly LabelSelector[];
}

/** One node answers for the addresses. The ConfigMap's `protocol: layer2` is one for its pool. */
export interface Layer2Advertisement extends Advertisement {
  /** On these interfaces alone; none means on all. */
  readonly interfaces: readonly string[];
}

/** Nodes tell their peers routes. One entry of `bgp-advertisements`, for its pool. */
export interface BgpAdvertisement extends Advertisement {
  /** Names of peers; none means all. */
  readonly peers: readonly string[];
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  readonly localPref: number;
  /** Standard communities (RFC 1997) as 32-bit numbers, ascending. */
  readonly communities: readonly number[];
  /** `large:a:b:c` (RFC 8092), ascending; an addition of Herald. */
  readonly largeCommunities: readonly LargeCommunity[];
}

/** Global administrator and two local parts. */
export type LargeCommunity = readonly [global: number, local1: number, local2: number];

/** A standard community as a number, or a large one. */
export type Community = number | LargeCommunity;

/** One entry of `bgp-communities`. */
export interface CommunityAlias {
  readonly name: string;
  readonly value: Community;
}

/** One entry of `peers`. */
export interface Peer {
  /** By which advertisements may select it; the ConfigMap's peers have none. */
  readonly name?: string;
  readonly myAsn: number;
  readonly peerAsn: number;
  readonly peerAddress: Ip;
  /** The zone of a link-local `peer-address`, `fe80::1%eth0`. */
  readonly peerInterface?: string;
  readonly sourceAddress?: Ip;
  readonly peerPort: number;
  /** Whole seconds in milliseconds; 0 turns both timers off. */
  readonly holdTimeMs: Millis;
  readonly keepaliveTimeMs: Millis;
  readonly routerId?: Ip4;
  /** TCP MD5 key (RFC 2385). A secret: never logged, never in status. */
  readonly password?: string;
  /** A file that holds the key in place of `password`: a mounted Secret. */
  readonly passwordFile?: string;
  readonly bfdProfile?: string;
  readonly ebgpMultihop: boolean;
  /** GTSM (RFC 5082): both sides send TTL 255 and take nothing less. */
  readonly ttlSecurity: boolean;
  /** Routes stay at the peer while this speaker restarts (RFC 4724). */
  readonly gracefulRestart: boolean;
  /** Alternatives: the peer is for a node that any of them selects; empty selects every node. */
  readonly nodeSelectors: readonly LabelSelector[];
}

/** Labels and expressions that must all hold. */
export interface LabelSelector {
  readonly matchLabels: ReadonlyMap<string, string>;
  readonly matchExpressions: readonly LabelExpression[];
}

export type LabelOperator = "In" | "NotIn" | "Exists" | "DoesNotExist";

export interface LabelExpression {
  readonly key: string;
  readonly operator: LabelOperator;
  /** At least one for In and NotIn, none for the others. */
  readonly values: readonly string[];
}

/** One entry of `bfd-profiles`. */
export interface BfdProfile {
  readonly name: string;
  readonly receiveIntervalMs: Millis;
  readonly transmitIntervalMs: Millis;
  readonly detectMultiplier: number;
  readonly echoIntervalMs: Millis;
  readonly echoMode: boolean;
  readonly passiveMode: boolean;
  readonly minimumTtl: number;
}

/** No pools and no peers: what is in force before anything valid was read. */
export const EMPTY_CONFIG: Config = {
  pools: [],
  layer2: [],
  bgp: [],
  peers: [],
  bfdProfiles: [],
  communities: [],
};
