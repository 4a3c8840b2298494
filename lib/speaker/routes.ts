import { createRib, type Rib, type RouteAttributes } from "../bgp/rib.ts";
import type { BgpAdvertisement, Config } from "../config/types.ts";
import { familyOf, type Ip } from "../net/ip.ts";
import { maskIp, type Prefix } from "../net/prefix.ts";
import { rangeContains } from "../net/range.ts";

/** What an address gives to the RIB: a route by one advertisement of its pool. */
interface Contribution {
  readonly prefix: Prefix;
  readonly attributes: RouteAttributes;
  /** Place of the advertisement in the configuration; the last one written wins, as in MetalLB. */
  readonly order: number;
}

/** The routes of all announced addresses. */
export interface Routes {
  readonly rib: Rib;
  /** In place of the configuration before; gives the prefixes that changed. */
  setConfig(config: Config): Prefix[];
  /** An address is announced from this node, or no more; gives the prefixes that changed. */
  setAnnounced(ip: Ip, announced: boolean): Prefix[];
  /** The routes of an address, most specific first as written. */
  routesOf(ip: Ip): readonly { readonly prefix: Prefix; readonly attributes: RouteAttributes }[];
}

/**
 * Makes routes of addresses: each advertisement of the pool cuts the address to its aggregation
 * length, and a prefix stays as long as one address stands behind it (MetalLB
 * speaker/bgp_controller.go).
 */
export function createRoutes(): Routes {
  const rib = createRib();
  const byIp = new Map<Ip, readonly Contribution[]>();
  /** Contributions to a prefix of the RIB, by the text of its key. */
  const byPrefix = new Map<string, Set<Contribution>>();
  let config: Config | undefined;

  function put(ip: Ip, next: readonly Contribution[]): Prefix[] {
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
    let winner: Contribution | undefined;
    for (const one of all ?? []) {
      if (winner === undefined || one.order >= winner.order) winner = one;
    }
    if (winner === undefined) byPrefix.delete(key);
    return rib.set(prefix, winner?.attributes);
  }

  return {
    rib,
    setConfig(next) {
      config = next;
      return [...byIp.keys()].flatMap((ip) => put(ip, contributions(next, ip)));
    },
    setAnnounced(ip, announced) {
      if (!announced && !byIp.has(ip)) return [];
      return put(ip, announced && config !== undefined ? contributions(config, ip) : []);
    },
    routesOf: (ip) => byIp.get(ip) ?? [],
  };
}

/** What the configuration makes of an address: one route for each advertisement of its pool. */
export function contributions(config: Config, ip: Ip): Contribution[] {
  let order = 0;
  for (const { protocol, ranges, bgpAdvertisements } of config.pools) {
    if (protocol === "bgp" && ranges.some((range) => rangeContains(range, ip))) {
      return bgpAdvertisements.map((advertisement, index) => ({
        prefix: prefixOf(ip, advertisement),
        attributes: advertisement,
        order: order + index,
      }));
    }
    order += bgpAdvertisements.length;
  }
  return [];
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
