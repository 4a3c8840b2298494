import { poolContains, poolGives } from "../config/taken.ts";
import type { Pool } from "../config/types.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import { ANNOTATION } from "../model/names.ts";
import { type Family, familyOf, formatIp, type Ip } from "../net/ip.ts";
import { rangeContains } from "../net/range.ts";
import { type AddressBook, type AddressUse, lowestFree, useOf } from "./allocations.ts";
import { type Clash, clashOf } from "./clash.ts";
import { poolOf, type PoolState, type RangeState, reservedRange } from "./pool_state.ts";
import {
  closedPools,
  fullDetail,
  knownPools,
  notFor,
  type PoolRefusal,
  type Refusal,
  refused,
  shortList,
  unknownPool,
} from "./refusal.ts";
import { isFor } from "./selection.ts";

/** The addresses that a Service can have, not yet entered in the book. */
interface Allocation {
  readonly kind: "assigned";
  readonly pool: string;
  readonly ips: readonly Ip[];
}

/**
 * Finds addresses for a Service that holds none (rules A4 to A10; MetalLB internal/allocator).
 * Enters nothing: `hold` does. The same book and Service always give the same answer.
 */
export function allocate(facts: ServiceFacts, book: AddressBook): Allocation | Refusal {
  const { addressRequest: request, poolRequest } = facts;
  if (request.kind === "invalid") return refused("invalid-request", request.message);
  if (poolRequest !== undefined && !book.pools.some(({ pool }) => pool.name === poolRequest)) {
    return refused("pool-unknown", `${unknownPool(poolRequest)}; ${knownPools(book)}`);
  }
  return request.kind === "addresses"
    ? allocateRequested(facts, request.ips, book)
    : allocateAny(facts, book);
}

/** Rule A6: the addresses that the Service asked for, all of them or none. */
function allocateRequested(
  facts: ServiceFacts,
  ips: readonly Ip[],
  book: AddressBook,
): Allocation | Refusal {
  const texts = ips.map(formatIp).join(" and ");
  if (!mayHaveFamilies(ips, facts)) {
    const wanted = facts.families.map((family) => `IPv${family}`).join(" and ");
    return refused("family-mismatch", `requested ${texts}, but the Service is ${wanted}`);
  }
  const pool = poolOf(book.pools, ips);
  if (pool === undefined) return refusedOutside(ips, texts, book);
  if (facts.poolRequest !== undefined && facts.poolRequest !== pool.name) {
    const message = `requested ${texts} of pool ${quoted(pool.name)}, but annotation ` +
      `${ANNOTATION.addressPool} names the pool ${quoted(facts.poolRequest)}`;
    return refused("address-not-in-pool", message);
  }
  if (!isFor(pool, facts, book.namespaces)) {
    return refused("pool-closed", `requested ${texts}, but ${notFor(pool, facts)}`);
  }
  const use = useOf(facts);
  for (const ip of ips) {
    const clash = clashOf(book, ip, facts.key, use);
    if (clash === undefined) continue;
    return refused(clash.reason, `requested ${formatIp(ip)} is taken: ${clash.message}`);
  }
  return { kind: "assigned", pool: pool.name, ips };
}

/**
 * Whether there is exactly one address for each family, or, where the Service only prefers two,
 * for one of them (rule A8).
 */
export function mayHaveFamilies(ips: readonly Ip[], facts: ServiceFacts): boolean {
  const { families, prefersDualStack } = facts;
  const found = families.filter((family) => ips.some((ip) => familyOf(ip) === family));
  return found.length === ips.length &&
    (found.length === families.length || (prefersDualStack && found.length > 0));
}

function refusedOutside(ips: readonly Ip[], texts: string, book: AddressBook): Refusal {
  for (const ip of ips) {
    const home = book.pools.find(({ pool }) => poolContains(pool, ip))?.pool;
    if (home === undefined) {
      const message = `requested ${formatIp(ip)} is in no pool; ${knownPools(book)}`;
      return refused("address-not-in-pool", message);
    }
    if (poolOf(book.pools, [ip]) === undefined) {
      const message = `requested ${formatIp(ip)} ends in .0 or .255, which pool ` +
        `${quoted(home.name)} does not give (avoid-buggy-ips)`;
      return refused("buggy-address", message);
    }
  }
  return refused("address-not-in-pool", `requested ${texts} are not in one pool`);
}

/**
 * Rules A7, A8 and A10: the first pool, in the order of turns, that can serve all families; where
 * one is better than none, the first that can serve one.
 */
function allocateAny(facts: ServiceFacts, book: AddressBook): Allocation | Refusal {
  const { families, prefersDualStack } = facts;
  const candidates = candidatePools(facts, book);
  const wishes = prefersDualStack && families.length > 1
    ? [families, ...families.map((family) => [family])]
    : [families];
  const refusals: PoolRefusal[] = [];
  for (const wish of wishes) {
    for (const state of candidates) {
      const ips = takeFrom(state, facts, wish, book);
      if (isIps(ips)) return { kind: "assigned", pool: state.pool.name, ips };
      if (wish === families) refusals.push(ips);
    }
  }
  const closed = closedPools(facts, book);
  const all = [...refusals, ...closed];
  if (refusals.length === 0) {
    const message = all.length === 0
      ? "no pool is configured"
      : `no pool gives addresses to this Service unasked: ${
        shortList(all.map((refusal) => refusal.message), "; ")
      }`;
    return refused(all.length === 0 ? "no-pool" : "pool-closed", message, all);
  }
  const reason = refusals.find((refusal) => refusal.reason !== "family-mismatch")?.reason;
  const message = shortList(refusals.map((refusal) => refusal.message), "; ");
  return refused(reason ?? "family-mismatch", message, all);
}

/** What the Service had before it was deleted comes from where it came from, if that may serve. */
function candidatePools(facts: ServiceFacts, book: AddressBook): readonly PoolState[] {
  const { poolRequest } = facts;
  const candidates = book.poolsInTurn.filter(({ pool }) =>
    (poolRequest === undefined ? pool.autoAssign : pool.name === poolRequest) &&
    isFor(pool, facts, book.namespaces)
  );
  const ips = book.remembered.get(facts.key)?.ips ?? [];
  const home = candidates.find(({ pool }) => ips.some((ip) => poolGives(pool, ip)));
  return home === undefined ? candidates : [home, ...candidates.filter((one) => one !== home)];
}

/** One more address of the other family, from the pool of those that the Service has (rule A8). */
export function allocateMissing(
  facts: ServiceFacts,
  pool: string,
  ips: readonly Ip[],
  book: AddressBook,
): readonly Ip[] | PoolRefusal {
  const state = book.pools.find((one) => one.pool.name === pool);
  const missing = facts.families.filter((family) => !ips.some((ip) => familyOf(ip) === family));
  if (state === undefined || missing.length === 0) return [];
  return takeFrom(state, facts, missing, book);
}

export function isIps(value: readonly Ip[] | PoolRefusal): value is readonly Ip[] {
  return Array.isArray(value);
}

function takeFrom(
  state: PoolState,
  facts: ServiceFacts,
  families: readonly Family[],
  book: AddressBook,
): readonly Ip[] | PoolRefusal {
  const pool = state.pool.name;
  const use = useOf(facts);
  const ips: Ip[] = [];
  for (const family of families) {
    const size = state.sizes[family];
    if (size === 0n) {
      const message = `pool ${quoted(pool)} has no IPv${family} addresses`;
      return { pool, reason: "family-mismatch", message };
    }
    const ip = firstFitting(state, family, facts, use, book);
    if (ip === undefined) {
      const message = `pool ${quoted(pool)} is full, ${fullDetail(state, family)}` +
        sharingDetail(state, facts, use, book);
      return { pool, reason: "pool-exhausted", message };
    }
    ips.push(ip);
  }
  return ips;
}

/**
 * What the Service had until now, if it may have that; else the lowest address of the first range
 * that has one free, or one shared that fits (rule A10).
 */
function firstFitting(
  state: PoolState,
  family: Family,
  facts: ServiceFacts,
  use: AddressUse,
  book: AddressBook,
): Ip | undefined {
  const had = earlierIps(facts, book).find((ip) =>
    familyOf(ip) === family && poolGives(state.pool, ip) &&
    clashOf(book, ip, facts.key, use) === undefined
  );
  if (had !== undefined) return had;
  for (const rangeState of state.ranges) {
    if (familyOf(rangeState.range.first) !== family) continue;
    const free = lowestFree(book, state.pool, rangeState);
    const shared = lowestShared(state.pool, rangeState, facts, use, book);
    if (shared !== undefined && (free === undefined || shared < free)) return shared;
    if (free !== undefined) return free;
  }
  return undefined;
}

/** The addresses that the Service gives up just now, or had before it was deleted. */
function earlierIps({ key }: ServiceFacts, book: AddressBook): readonly Ip[] {
  const retiring = book.retiring.get(key)?.flatMap(({ ips }) => ips) ?? [];
  return [...retiring, ...book.remembered.get(key)?.ips ?? []];
}

function lowestShared(
  pool: Pool,
  { range }: RangeState,
  facts: ServiceFacts,
  use: AddressUse,
  book: AddressBook,
): Ip | undefined {
  if (use.sharingKey === undefined) return undefined;
  let lowest: Ip | undefined;
  for (const ip of book.sharedIps.get(use.sharingKey) ?? []) {
    if (!rangeContains(range, ip) || (lowest !== undefined && ip > lowest)) continue;
    // Shared or not, a reserved address is given only to a Service that asks for it by name.
    if (!poolGives(pool, ip) || reservedRange(pool, ip) !== undefined) continue;
    if (clashOf(book, ip, facts.key, use) === undefined) lowest = ip;
  }
  return lowest;
}

/** Why the lowest address under the Service's sharing key did not fit. */
function sharingDetail(
  state: PoolState,
  facts: ServiceFacts,
  use: AddressUse,
  book: AddressBook,
): string {
  if (use.sharingKey === undefined) return "";
  let lowest: { readonly ip: Ip; readonly clash: Clash } | undefined;
  for (const ip of book.sharedIps.get(use.sharingKey) ?? []) {
    if (!poolContains(state.pool, ip) || (lowest !== undefined && ip > lowest.ip)) continue;
    const clash = clashOf(book, ip, facts.key, use);
    if (clash !== undefined) lowest = { ip, clash };
  }
  if (lowest === undefined) return `, none of them under sharing key ${quoted(use.sharingKey)}`;
  return `, and ${formatIp(lowest.ip)} cannot be shared: ${lowest.clash.message}`;
}
