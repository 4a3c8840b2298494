import type { ServiceKey } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import type { AddressConflict } from "../model/address_conflict.ts";
import type { Ip } from "../net/ip.ts";
import { isBuggy, rangeContains } from "../net/range.ts";
import type { Config, Pool } from "./types.ts";

/** What a live Service has. */
export interface Given {
  readonly service: ServiceKey;
  readonly ips: readonly Ip[];
  /** The pool that gave it. */
  readonly pool: string;
  /** The pool that the Service asks for and has; undefined where it asks for another by now. */
  readonly poolRequest: string | undefined;
}

/** An address that a new configuration would take from a live Service, and why. */
export interface PoolConflict extends AddressConflict {
  readonly why: string;
}

/** Whether the pool holds the address, given or not. */
export function poolContains(pool: Pool, ip: Ip): boolean {
  return pool.ranges.some((range) => rangeContains(range, ip));
}

/** Whether the pool holds the address and gives it. */
export function poolGives(pool: Pool, ip: Ip): boolean {
  return poolContains(pool, ip) && !(pool.avoidBuggyIps && isBuggy(ip));
}

/** The pool that gives all of the addresses (rule A8: one pool for both families). */
export function poolGiving(pools: readonly Pool[], ips: readonly Ip[]): Pool | undefined {
  return pools.find((pool) => ips.every((ip) => poolGives(pool, ip)));
}

/**
 * What a configuration would take from live Services, in their order. The one judgement of it:
 * controllers that run or begin, speakers and the command line differ only in what they know to be
 * given. MetalLB refuses such a configuration as a whole; so does Herald, and it also counts an
 * annotation that would name the wrong pool afterwards, for rule A4 would then clear the address.
 */
export function addressesTaken(given: Iterable<Given>, { pools }: Config): PoolConflict[] {
  const taken: PoolConflict[] = [];
  for (const { ips, pool, poolRequest, service } of given) {
    const gives = poolGiving(pools, ips);
    const why = gives === undefined
      ? "no single pool of the new configuration gives it"
      : poolRequest !== undefined && gives.name !== poolRequest
      ? `the Service asks for the pool ${quoted(poolRequest)}, the address would be in ` +
        quoted(gives.name)
      : undefined;
    if (why === undefined) continue;
    const lost = ips.filter((ip) => poolGiving(pools, [ip]) === undefined);
    for (const ip of lost.length > 0 ? lost : ips) taken.push({ service, ip, pool, why });
  }
  return taken;
}
