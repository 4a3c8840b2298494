import type { Config } from "../config/types.ts";
import type { ServiceKey } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import type { AddressBook, Holding } from "./allocations.ts";
import { poolOf, poolStates } from "./pool_state.ts";
import { inTurn } from "./selection.ts";
import { recheckRemembered } from "./sticky.ts";

/** An address that a new configuration would take from a live Service. */
export interface PoolConflict {
  readonly service: ServiceKey;
  readonly ip: Ip;
  /** The pool that gives it now. */
  readonly pool: string;
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

/** One text for log, event and status: how many Services lose something, and the first ten. */
export function conflictText(conflicts: readonly PoolConflict[]): string {
  const first = new Map<ServiceKey, PoolConflict>();
  for (const conflict of conflicts) {
    if (!first.has(conflict.service)) first.set(conflict.service, conflict);
  }
  const named = [...first.values()].slice(0, 10)
    .map(({ service, ip, pool }) => `${service} (${formatIp(ip)}, pool ${quoted(pool)})`);
  const more = first.size > 10 ? `, and ${first.size - 10} more` : "";
  return `new config not compatible with assigned IPs: it would take the address of ` +
    `${first.size} ${first.size === 1 ? "Service" : "Services"}: ${named.join(", ")}${more}; ` +
    `the configuration before it stays in force`;
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
