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
}

/** How full each pool is, in the order written. */
export function poolUsage(book: AddressBook): PoolUsage[] {
  const services = new Map<string, number>();
  const inUse = new Map<string, number>();
  for (const { pool } of book.holdings.values()) count(services, pool);
  for (const [holding] of book.users.values()) {
    if (holding !== undefined) count(inUse, holding.pool);
  }
  return book.pools.map(({ pool: { name }, sizes }) => {
    const addresses = sizes[4] + sizes[6];
    return {
      pool: name,
      addresses,
      addressesCapped: addresses > Number.MAX_SAFE_INTEGER
        ? Number.MAX_SAFE_INTEGER
        : Number(addresses),
      inUse: inUse.get(name) ?? 0,
      services: services.get(name) ?? 0,
    };
  });
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
