import { poolGives } from "../config/taken.ts";
import type { Config, Pool } from "../config/types.ts";
import { type Family, familyOf, type Ip } from "../net/ip.ts";
import { createFreed, type Freed } from "./freed.ts";
import { type AddressRange, rangeContains, rangeSize } from "../net/range.ts";

/** A pool and how far its ranges are known to be full. */
export interface PoolState {
  readonly pool: Pool;
  readonly ranges: readonly RangeState[];
  /** Addresses that can be given, asked for or not, by family. */
  readonly sizes: Readonly<Record<Family, bigint>>;
  /** How many of them are kept for deleted Services: counting them each time would be a long walk. */
  readonly kept: Record<Family, number>;
}

export interface RangeState {
  readonly range: AddressRange;
  /** Below this one nothing is free but what was freed again; undefined past the last one. */
  lowest: Ip | undefined;
  /** What came free below it: looking for it would be a walk through the pool each time. */
  readonly freed: Freed;
}

/** The pools of a configuration with nothing known about what is full. */
export function poolStates(config: Config): readonly PoolState[] {
  return config.pools.map((pool) => ({
    pool,
    ranges: pool.ranges.map((range) => ({ range, lowest: range.first, freed: createFreed() })),
    sizes: { 4: usableSize(pool, 4), 6: usableSize(pool, 6) },
    kept: { 4: 0, 6: 0 },
  }));
}

/** Counts an address that is kept for a deleted Service from now on (1), or no longer (-1). */
export function countKept(pools: readonly PoolState[], ip: Ip, by: 1 | -1): void {
  const state = pools.find(({ pool }) => poolGives(pool, ip));
  if (state !== undefined) state.kept[familyOf(ip)] += by;
}

/** The pool that gives all of the addresses (rule A8: one pool for both families). */
export function poolOf(pools: readonly PoolState[], ips: readonly Ip[]): Pool | undefined {
  return pools.find(({ pool }) => ips.every((ip) => poolGives(pool, ip)))?.pool;
}

/** The part of `reserved-addresses` in which the address lies. */
export function reservedRange(pool: Pool, ip: Ip): AddressRange | undefined {
  // Most pools have none, and this is asked for every address tried.
  return pool.reserved.length === 0
    ? undefined
    : pool.reserved.find((range) => rangeContains(range, ip));
}

function usableSize(pool: Pool, family: Family): bigint {
  let size = 0n;
  for (const range of pool.ranges) {
    if (familyOf(range.first) !== family) continue;
    size += rangeSize(range) - (pool.avoidBuggyIps ? buggyCount(range) : 0n);
  }
  return size;
}

/** Addresses of the range that end in .0 or .255. */
function buggyCount({ first, last }: AddressRange): bigint {
  if (typeof first !== "number" || typeof last !== "number") return 0n;
  const upTo = (ip: number) => Math.floor(ip / 256) * 2 + 1 + (ip % 256 === 255 ? 1 : 0);
  return BigInt(upTo(last) - (first === 0 ? 0 : upTo(first - 1)));
}
