import { formatIp } from "../net/ip.ts";
import { type Advertised, advertisedPools, protocolText } from "./advertised.ts";
import { formatCommunity } from "./communities.ts";
import { formatDuration } from "./duration.ts";
import type {
  BfdProfile,
  BgpAdvertisement,
  Config,
  LabelSelector,
  Peer,
  ServiceAllocation,
} from "./types.ts";

/**
 * A configuration by the keys of the grammar, as anybody may read it: without passwords. Reading it
 * gives an equal one but for them.
 */
export function openTree(config: Config): Record<string, unknown> {
  return {
    ...config.peers.length === 0
      ? {}
      : { peers: config.peers.map((peer) => peerTree({ ...peer, password: undefined })) },
    ...config.bfdProfiles.length === 0
      ? {}
      : { "bfd-profiles": config.bfdProfiles.map(profileTree) },
    ...config.pools.length === 0 ? {} : { "address-pools": advertisedPools(config).map(poolTree) },
    ...config.communities.length === 0 ? {} : {
      "bgp-communities": Object.fromEntries(
        config.communities.map(({ name, value }) => [name, formatCommunity(value)]),
      ),
    },
  };
}

/** A pool with its advertisements by the keys of the configuration. */
export function poolTree(advertised: Advertised): Record<string, unknown> {
  const { pool, bgp } = advertised;
  return {
    name: pool.name,
    protocol: protocolText(advertised),
    addresses: pool.ranges.map(({ text }) => text),
    "avoid-buggy-ips": pool.avoidBuggyIps,
    "auto-assign": pool.autoAssign,
    ...pool.reserved.length === 0
      ? {}
      : { "reserved-addresses": pool.reserved.map(({ text }) => text) },
    ...pool.stickyMs === 0 ? {} : { "sticky-time": formatDuration(pool.stickyMs) },
    ...isForAll(pool.serviceAllocation)
      ? {}
      : { "service-allocation": allocationTree(pool.serviceAllocation) },
    ...bgp.length === 0 ? {} : { "bgp-advertisements": bgp.map(advertisementTree) },
  };
}

function isForAll(allocation: ServiceAllocation): boolean {
  const { priority, namespaces, namespaceSelectors, serviceSelectors } = allocation;
  return priority === 0 && [namespaces, namespaceSelectors, serviceSelectors].flat().length === 0;
}

function allocationTree(allocation: ServiceAllocation): Record<string, unknown> {
  return {
    priority: allocation.priority,
    namespaces: [...allocation.namespaces],
    "namespace-selectors": allocation.namespaceSelectors.map(selectorTree),
    "service-selectors": allocation.serviceSelectors.map(selectorTree),
  };
}

function advertisementTree(advertisement: BgpAdvertisement): Record<string, unknown> {
  return {
    "aggregation-length": advertisement.aggregationLength,
    "aggregation-length-v6": advertisement.aggregationLengthV6,
    localpref: advertisement.localPref,
    communities: [...advertisement.communities, ...advertisement.largeCommunities].map(
      formatCommunity,
    ),
  };
}

/** A peer by the keys of the configuration, its password included. */
export function peerTree(peer: Peer): Record<string, unknown> {
  return {
    "my-asn": peer.myAsn,
    "peer-asn": peer.peerAsn,
    "peer-address": formatIp(peer.peerAddress) +
      (peer.peerInterface === undefined ? "" : `%${peer.peerInterface}`),
    ...peer.sourceAddress === undefined ? {} : { "source-address": formatIp(peer.sourceAddress) },
    "peer-port": peer.peerPort,
    "hold-time": formatDuration(peer.holdTimeMs),
    ...peer.holdTimeMs === 0 ? {} : { "keepalive-time": formatDuration(peer.keepaliveTimeMs) },
    ...peer.routerId === undefined ? {} : { "router-id": formatIp(peer.routerId) },
    ...peer.password === undefined ? {} : { password: peer.password },
    ...peer.passwordFile === undefined ? {} : { "password-file": peer.passwordFile },
    ...peer.bfdProfile === undefined ? {} : { "bfd-profile": peer.bfdProfile },
    "ebgp-multihop": peer.ebgpMultihop,
    ...peer.ttlSecurity ? { "ttl-security": true } : {},
    ...peer.gracefulRestart ? { "graceful-restart": true } : {},
    "node-selectors": peer.nodeSelectors.map(selectorTree),
  };
}

function selectorTree({ matchLabels, matchExpressions }: LabelSelector): Record<string, unknown> {
  return {
    "match-labels": Object.fromEntries(matchLabels),
    "match-expressions": matchExpressions.map(({ key, operator, values }) => ({
      key,
      operator,
      ...values.length === 0 ? {} : { values: [...values] },
    })),
  };
}

/** A BFD profile by the keys of the configuration. */
export function profileTree(profile: BfdProfile): Record<string, unknown> {
  return {
    name: profile.name,
    "receive-interval": profile.receiveIntervalMs,
    "transmit-interval": profile.transmitIntervalMs,
    "detect-multiplier": profile.detectMultiplier,
    "echo-interval": profile.echoIntervalMs,
    "echo-mode": profile.echoMode,
    "passive-mode": profile.passiveMode,
    "minimum-ttl": profile.minimumTtl,
  };
}
