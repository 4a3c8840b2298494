import type { Config } from "../config/types.ts";
import type { AddressConflict } from "../model/address_conflict.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import type { AddressBook, Holding } from "./allocations.ts";
import { isOurClass } from "./plan.ts";
import { poolOf, poolStates } from "./pool_state.ts";
import { inTurn } from "./selection.ts";
import { recheckRemembered } from "./sticky.ts";

/** An address that a new configuration would take from a live Service, and why. */
export interface PoolConflict extends AddressConflict {
  readonly why: string;
}

/**
 * What a new configuration would take from live Services, in order of their addresses' allocation.
 * MetalLB refuses such a configuration as a whole; so does Herald, and it also counts a pool
 * annotation that would name the wrong pool afterwards, for rule A4 would then clear the address.
 */
export function checkReconfiguration(book: AddressBook, config: Config): PoolConflict[] {
  const pools = poolStates(config);
  const conflicts: PoolConflict[] = [];
  for (const holding of book.holdings.values()) {
    const pool = poolOf(pools, holding.ips);
    const why = pool === undefined
      ? "no single pool of the new configuration gives it"
      : whyWrongPool(holding, pool.name);
    if (why === undefined) continue;
    const lost = holding.ips.filter((ip) => poolOf(pools, [ip]) === undefined);
    for (const ip of lost.length > 0 ? lost : holding.ips) {
      conflicts.push({ service: holding.service, ip, pool: holding.pool, why });
    }
  }
  return conflicts;
}

function whyWrongPool({ poolRequest }: Holding, pool: string): string | undefined {
  if (poolRequest === undefined || poolRequest === pool) return undefined;
  return `the Service asks for the pool ${quoted(poolRequest)}, the address would be in ` +
    quoted(pool);
}

/**
 * What a configuration would take when nothing is known of the one before it, after a start: the
 * addresses that the annotation beside them says Herald or MetalLB gave, and that no pool gives. A
 * restart must not do by itself what was refused to the configuration while it was an edit. What
 * another wrote over them was given by nobody here, and is put right instead.
 */
export function checkGiven(
  services: Iterable<ServiceFacts>,
  config: Config,
  lbClass: string | undefined,
): PoolConflict[] {
  const pools = poolStates(config);
  const conflicts: PoolConflict[] = [];
  for (const facts of services) {
    const { allocatedFrom: pool, assigned, key: service } = facts;
    if (pool === undefined || !facts.isLoadBalancer || facts.deleting) continue;
    if (!isOurClass(facts, lbClass) || facts.overwritten === true) continue;
    for (const ip of assigned) {
      if (poolOf(pools, [ip]) !== undefined) continue;
      conflicts.push({ service, ip, pool, why: "no pool of the configuration gives it" });
    }
  }
  return conflicts;
}

/**
 * Puts a configuration in force. Holdings move to the pool that gives their addresses now; plan all
 * Services after it, for those whose addresses no pool gives need others, and waiting ones may
 * find one.
 */
export function reconfigure(book: AddressBook, config: Config): void {
  book.pools = poolStates(config);
  book.poolsInTurn = inTurn(book.pools);
  for (const holding of book.holdings.values()) {
    const pool = poolOf(book.pools, holding.ips);
    if (pool !== undefined) holding.pool = pool.name;
  }
  recheckRemembered(book);
}
