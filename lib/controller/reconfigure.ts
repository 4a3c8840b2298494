import { addressesTaken, type Given, type PoolConflict } from "../config/taken.ts";
import type { Config } from "../config/types.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { familyOf } from "../net/ip.ts";
import type { AddressBook } from "./allocations.ts";
import { isOurClass } from "../model/service_class.ts";
import { poolOf, poolStates } from "./pool_state.ts";
import { inTurn } from "./selection.ts";
import { recheckRemembered } from "./sticky.ts";

/** What a new configuration would take from live Services, in order of their addresses' allocation. */
export function checkReconfiguration(book: AddressBook, config: Config): PoolConflict[] {
  return addressesTaken(book.holdings.values(), config);
}

/**
 * What a configuration would take when nothing is known of the one before it, after a start: the
 * addresses that the annotation beside them says Herald or MetalLB gave. A restart must not do by
 * itself what was refused to the configuration while it was an edit. What another wrote over them
 * was given by nobody here, and is put right instead.
 */
export function checkGiven(
  services: Iterable<ServiceFacts>,
  config: Config,
  lbClass: string | undefined,
): PoolConflict[] {
  const given: Given[] = [];
  for (const facts of services) {
    const { allocatedFrom: pool, key: service } = facts;
    if (pool === undefined || !facts.isLoadBalancer || facts.deleting) continue;
    if (!isOurClass(facts, lbClass) || facts.overwritten === true) continue;
    // What is of a family that the Service no longer has is given up whatever the pools are.
    const ips = facts.assigned.filter((ip) => facts.families.includes(familyOf(ip)));
    // Who asks for another pool by now gives the address up whatever the configuration is.
    const poolRequest = facts.poolRequest === pool ? pool : undefined;
    if (ips.length > 0) given.push({ service, ips, pool, poolRequest });
  }
  return addressesTaken(given, config);
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
