import type { ServiceFacts } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import { ANNOTATION } from "../model/names.ts";
import { type Family, familyOf, formatIp, type Ip } from "../net/ip.ts";
import { rangeContains } from "../net/range.ts";
import {
  type AddressBook,
  type AddressUse,
  type Clash,
  clashOf,
  lowestFree,
  poolContains,
  poolGives,
  poolOf,
  type PoolState,
  type RangeState,
  useOf,
} from "./allocations.ts";

/** Closed list of reasons why a Service got no address. */
export type RefusalReason =
  /** No pool is there to allocate from: none configured, or none with auto-assign. */
  | "no-pool"
  | "pool-unknown"
  | "pool-exhausted"
  | "address-not-in-pool"
  | "address-in-use"
  | "sharing-conflict"
  /** The requested addresses, or all pools, are of another family than the Service. */
  | "family-mismatch"
  | "buggy-address"
  | "invalid-request";

/** Why one pool could not serve. */
export interface PoolRefusal {
  readonly pool: string;
  readonly reason: RefusalReason;
  readonly message: string;
}

/** Why a Service got no address: text for an event, and for `explain` what each pool lacked. */
export interface Refusal {
  readonly kind: "refused";
  readonly reason: RefusalReason;
  readonly message: string;
  /** The pools that were tried, in order; empty when the request itself failed. */
  readonly pools: readonly PoolRefusal[];
}

/** The addresses that a Service can have, not yet entered in the book. */
export interface Allocation {
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

/** The clause for a pool annotation that names no pool. */
export function unknownPool(name: string): string {
  return `annotation ${ANNOTATION.addressPool} names the pool ${
    quoted(name)
  }, which does not exist`;
}

function refused(
  reason: RefusalReason,
  message: string,
  pools: readonly PoolRefusal[] = [],
): Refusal {
  return { kind: "refused", reason, message, pools };
}

function knownPools(book: AddressBook): string {
  const names = book.pools.map(({ pool }) => quoted(pool.name));
  return names.length === 0 ? "no pool is configured" : `the pools are ${shortList(names, ", ")}`;
}

/** At most five items, for events hold about a thousand characters. */
function shortList(items: readonly string[], separator: string): string {
  const more = items.length > 5 ? `${separator}and ${items.length - 5} more` : "";
  return items.slice(0, 5).join(separator) + more;
}

/** Rule A6: the addresses that the Service asked for, all of them or none. */
function allocateRequested(
  facts: ServiceFacts,
  ips: readonly Ip[],
  book: AddressBook,
): Allocation | Refusal {
  const texts = ips.map(formatIp).join(" and ");
  if (!hasFamilies(ips, facts.families)) {
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
  const use = useOf(facts);
  for (const ip of ips) {
    const clash = clashOf(book, ip, facts.key, use);
    if (clash === undefined) continue;
    return refused(clash.reason, `requested ${formatIp(ip)} is taken: ${clash.message}`);
  }
  return { kind: "assigned", pool: pool.name, ips };
}

/** Whether there is exactly one address for each family. */
export function hasFamilies(ips: readonly Ip[], families: readonly Family[]): boolean {
  return ips.length === families.length &&
    families.every((family) => ips.some((ip) => familyOf(ip) === family));
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

/** Rules A7, A8 and A10: the first pool, in the order written, that can serve all families. */
function allocateAny(facts: ServiceFacts, book: AddressBook): Allocation | Refusal {
  const { poolRequest } = facts;
  const candidates = book.pools.filter(({ pool }) =>
    poolRequest === undefined ? pool.autoAssign : pool.name === poolRequest
  );
  const use = useOf(facts);
  const refusals: PoolRefusal[] = [];
  for (const state of candidates) {
    const ips = takeFrom(state, facts, use, book);
    if (isIps(ips)) return { kind: "assigned", pool: state.pool.name, ips };
    refusals.push(ips);
  }
  if (refusals.length === 0) {
    const message = book.pools.length === 0
      ? "no pool is configured"
      : `no pool has auto-assign; choose one by annotation ${ANNOTATION.addressPool}`;
    return refused("no-pool", message);
  }
  const reason = refusals.find((refusal) => refusal.reason !== "family-mismatch")?.reason;
  const message = shortList(refusals.map((refusal) => refusal.message), "; ");
  return refused(reason ?? "family-mismatch", message, refusals);
}

function isIps(value: readonly Ip[] | PoolRefusal): value is readonly Ip[] {
  return Array.isArray(value);
}

function takeFrom(
  state: PoolState,
  facts: ServiceFacts,
  use: AddressUse,
  book: AddressBook,
): readonly Ip[] | PoolRefusal {
  const pool = state.pool.name;
  const ips: Ip[] = [];
  for (const family of facts.families) {
    const size = state.sizes[family];
    if (size === 0n) {
      const message = `pool ${quoted(pool)} has no IPv${family} addresses`;
      return { pool, reason: "family-mismatch", message };
    }
    const ip = firstFitting(state, family, facts, use, book);
    if (ip === undefined) {
      const message = `pool ${quoted(pool)} is full, ${size} of ${size} IPv${family} ` +
        `addresses are in use${sharingDetail(state, facts, use, book)}`;
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
  const had = (book.retiring.get(facts.key) ?? []).flatMap(({ ips }) => ips).find((ip) =>
    familyOf(ip) === family && poolGives(state.pool, ip) &&
    clashOf(book, ip, facts.key, use) === undefined
  );
  if (had !== undefined) return had;
  for (const rangeState of state.ranges) {
    if (familyOf(rangeState.range.first) !== family) continue;
    const free = lowestFree(book, state.pool, rangeState);
    const shared = lowestShared(rangeState, facts, use, book);
    if (shared !== undefined && (free === undefined || shared < free)) return shared;
    if (free !== undefined) return free;
  }
  return undefined;
}

function lowestShared(
  { range }: RangeState,
  facts: ServiceFacts,
  use: AddressUse,
  book: AddressBook,
): Ip | undefined {
  if (use.sharingKey === undefined) return undefined;
  let lowest: Ip | undefined;
  for (const ip of book.sharedIps.get(use.sharingKey) ?? []) {
    if (!rangeContains(range, ip) || (lowest !== undefined && ip > lowest)) continue;
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
