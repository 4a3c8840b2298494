import { rangeSize } from "../net/range.ts";
import type { AddressBook } from "./allocations.ts";

/** How full a pool is. */
export interface PoolUsage {
  readonly pool: string;
  /** Addresses that can be given, both families together, exact. */
  readonly addresses: bigint;
  /** The same for a gauge: at most 2^53 - 1, which large IPv6 pools exceed. */
  readonly addressesCapped: number;
  /** Addresses given; a shared one counts once. */
  readonly inUse: number;
  /** Services that hold an address of the pool. */
  readonly services: number;
  /** Addresses that wait for deleted Services (`sticky-time`). */
  readonly kept: number;
  /** Addresses that are given only when asked for; capped like {@link addressesCapped}. */
  readonly reserved: number;
}

/** How full each pool is, in the order written. */
export function poolUsage(book: AddressBook): PoolUsage[] {
  const services = new Map<string, number>();
  const inUse = new Map<string, number>();
  for (const { pool } of book.holdings.values()) count(services, pool);
  for (const [holding] of book.users.values()) {
    if (holding !== undefined) count(inUse, holding.pool);
  }
  const kept = new Map<string, number>();
  for (const { pool, ips } of book.remembered.values()) {
    kept.set(pool, (kept.get(pool) ?? 0) + ips.length);
  }
  return book.pools.map(({ pool: { name, reserved }, sizes }) => {
    const addresses = sizes[4] + sizes[6];
    return {
      pool: name,
      addresses,
      addressesCapped: capped(addresses),
      kept: kept.get(name) ?? 0,
      reserved: capped(reserved.reduce((sum, range) => sum + rangeSize(range), 0n)),
      inUse: inUse.get(name) ?? 0,
      services: services.get(name) ?? 0,
    };
  });
}

function capped(size: bigint): number {
  return size > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(size);
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
