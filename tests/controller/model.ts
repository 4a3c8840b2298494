import type { Config, Pool } from "../../lib/config/types.ts";
import type { ServiceFacts } from "../../lib/model/facts.ts";
import { familyOf, formatIp, type Ip } from "../../lib/net/ip.ts";
import { isBuggy, nextIp } from "../../lib/net/range.ts";

/** Who holds what, told as slowly and plainly as possible, to compare the address book with. */
export type Holders = Map<string, { readonly facts: ServiceFacts; readonly ips: readonly Ip[] }>;

/** The article's three conditions. */
export function mayShare(a: ServiceFacts, b: ServiceFacts): boolean {
  if (a.sharingKey === undefined || a.sharingKey !== b.sharingKey) return false;
  if (a.externalTrafficPolicy !== b.externalTrafficPolicy) return false;
  if (a.externalTrafficPolicy === "Local" && a.selector !== b.selector) return false;
  const ports = new Set(a.ports.map(({ protocol, port }) => `${protocol}${port}`));
  return !b.ports.some(({ protocol, port }) => ports.has(`${protocol}${port}`));
}

export function isEligible(facts: ServiceFacts): boolean {
  return facts.isLoadBalancer && facts.loadBalancerClass === undefined &&
    facts.families.length > 0 && facts.ports.length > 0;
}

function fits(facts: ServiceFacts, ip: Ip, holders: Holders): boolean {
  return [...holders.values()].every((other) =>
    other.facts.key === facts.key || !other.ips.includes(ip) || mayShare(facts, other.facts)
  );
}

function addressesOf(pool: Pool): Ip[] {
  const all: Ip[] = [];
  for (const { first, last } of pool.ranges) {
    for (let ip: Ip | undefined = first; ip !== undefined && ip <= last; ip = nextIp(ip)) {
      if (!(pool.avoidBuggyIps && isBuggy(ip))) all.push(ip);
    }
  }
  return all;
}

function familiesOf(ips: readonly Ip[]): string {
  return ips.map(familyOf).sort().join();
}

/** The pool that holds all the addresses, when the Service may have them there. */
function legalPool(
  facts: ServiceFacts,
  ips: readonly Ip[],
  holders: Holders,
  config: Config,
): Pool | undefined {
  if (familiesOf(ips) !== [...facts.families].sort().join()) return undefined;
  if (!ips.every((ip) => fits(facts, ip, holders))) return undefined;
  return config.pools.find((pool) => {
    const all = addressesOf(pool);
    return ips.every((ip) => all.includes(ip));
  });
}

/** Whether the Service may go on with these addresses, its own wishes included. */
export function mayKeep(
  facts: ServiceFacts,
  ips: readonly Ip[],
  holders: Holders,
  config: Config,
): boolean {
  const pool = legalPool(facts, ips, holders, config);
  if (pool === undefined) return false;
  if (facts.deleting) return true;
  if (facts.poolRequest !== undefined && facts.poolRequest !== pool.name) return false;
  const request = facts.addressRequest;
  return request.kind !== "addresses" ||
    [...request.ips].map(formatIp).sort().join() === [...ips].map(formatIp).sort().join();
}

/**
 * The addresses that a Service without any shall get, where it can those that it had until now;
 * undefined when there are none.
 */
export function firstFit(
  facts: ServiceFacts,
  holders: Holders,
  config: Config,
  had: readonly Ip[] = [],
): readonly Ip[] | undefined {
  const request = facts.addressRequest;
  if (request.kind === "invalid") return undefined;
  const named = config.pools.filter((pool) =>
    facts.poolRequest === undefined || pool.name === facts.poolRequest
  );
  if (request.kind === "addresses") {
    const pool = legalPool(facts, request.ips, holders, config);
    return pool !== undefined && named.includes(pool) ? request.ips : undefined;
  }
  for (const pool of named) {
    if (facts.poolRequest === undefined && !pool.autoAssign) continue;
    const found = facts.families.map((family) =>
      [...addressesOf(pool).filter((ip) => had.includes(ip)), ...addressesOf(pool)].find((ip) =>
        familyOf(ip) === family && fits(facts, ip, holders)
      )
    );
    const ips = found.filter((ip) => ip !== undefined);
    if (ips.length === facts.families.length) return ips;
  }
  return undefined;
}
