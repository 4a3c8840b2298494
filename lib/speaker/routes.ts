import { createRib, type Rib, type RouteAttributes } from "../bgp/rib.ts";
import type { OrderedAdvertisement } from "../config/advertised.ts";
import type { BgpAdvertisement, Peer } from "../config/types.ts";
import { familyOf, type Ip } from "../net/ip.ts";
import { maskIp, type Prefix } from "../net/prefix.ts";

/** A route that an address wants: what one advertisement makes of it. */
export interface RouteWish {
  readonly prefix: Prefix;
  readonly attributes: RouteAttributes;
  /** Names of the peers that are told; none means all. */
  readonly peers: readonly string[];
  /** Place of the advertisement in the configuration; the last one written wins, as in MetalLB. */
  readonly order: number;
}

/** The routes of all announced addresses. */
export interface Routes {
  readonly rib: Rib;
  /** In place of the address's routes before; gives the prefixes that changed. */
  setRoutes(ip: Ip, wishes: readonly RouteWish[]): Prefix[];
  /** The routes of an address, most specific first as written. */
  routesOf(ip: Ip): readonly RouteWish[];
}

/**
 * Makes one table of what addresses wish for: a prefix stays as long as any address wants it
 * (MetalLB speaker/bgp_controller.go).
 */
export function createRoutes(): Routes {
  const rib = createRib();
  const byIp = new Map<Ip, readonly RouteWish[]>();
  /** Wishes for a prefix of the RIB, by the text of its key. */
  const byPrefix = new Map<string, Set<RouteWish>>();

  function setRoutes(ip: Ip, next: readonly RouteWish[]): Prefix[] {
    const before = byIp.get(ip) ?? [];
    const touched = new Map<string, Prefix>();
    for (const one of before) {
      touched.set(keyOf(one.prefix), one.prefix);
      byPrefix.get(keyOf(one.prefix))?.delete(one);
    }
    for (const one of next) {
      const key = keyOf(one.prefix);
      touched.set(key, one.prefix);
      const all = byPrefix.get(key);
      if (all === undefined) byPrefix.set(key, new Set([one]));
      else all.add(one);
    }
    if (next.length === 0) byIp.delete(ip);
    else byIp.set(ip, next);
    return [...touched].map(([key, prefix]) => settle(key, prefix)).filter(isDefined);
  }

  function settle(key: string, prefix: Prefix): Prefix | undefined {
    const all = byPrefix.get(key);
    let winner: RouteWish | undefined;
    for (const one of all ?? []) {
      if (winner === undefined || one.order >= winner.order) winner = one;
    }
    if (winner === undefined) byPrefix.delete(key);
    return rib.set(prefix, winner?.attributes);
  }

  return { rib, setRoutes, routesOf: (ip) => byIp.get(ip) ?? [] };
}

/** What advertisements make of an address: each cuts it to its aggregation length. */
export function routeWishes(
  ip: Ip,
  advertisements: readonly OrderedAdvertisement[],
): RouteWish[] {
  return advertisements.map((advertisement) => ({
    prefix: prefixOf(ip, advertisement),
    attributes: advertisement,
    peers: advertisement.peers,
    order: advertisement.order,
  }));
}

/** Whether the peer is told of the route. */
export function isForPeer({ peers }: RouteWish, { name }: Peer): boolean {
  return peers.length === 0 || (name !== undefined && peers.includes(name));
}

/** Whether two lists of wishes make the same routes. */
export function sameWishes(one: readonly RouteWish[], other: readonly RouteWish[]): boolean {
  return one.length === other.length && one.every((wish, at) => {
    const twin = other[at];
    return twin !== undefined && wish.order === twin.order &&
      wish.prefix.length === twin.prefix.length && wish.prefix.address === twin.prefix.address &&
      (wish.attributes === twin.attributes || termsOf(wish) === termsOf(twin));
  });
}

function termsOf({ attributes, peers }: RouteWish): string {
  const { localPref, communities, largeCommunities } = attributes;
  return JSON.stringify([localPref, communities, largeCommunities, peers]);
}

function prefixOf(ip: Ip, { aggregationLength, aggregationLengthV6 }: BgpAdvertisement): Prefix {
  const length = familyOf(ip) === 4 ? aggregationLength : aggregationLengthV6;
  return { address: maskIp(ip, length), length };
}

function keyOf({ address, length }: Prefix): string {
  return `${address}/${length}`;
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
