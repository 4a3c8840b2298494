import { areFor, counted } from "../base/counted.ts";
import type { Pool } from "../config/types.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import { ANNOTATION } from "../model/names.ts";
import { type Family, familyOf } from "../net/ip.ts";
import { rangeSize } from "../net/range.ts";
import type { AddressBook } from "./allocations.ts";
import type { PoolState } from "./pool_state.ts";
import { isFor } from "./selection.ts";

/** Closed list of reasons why a Service got no address. */
type RefusalReason =
  /** No pool is there to allocate from: none configured, or none with auto-assign. */
  | "no-pool"
  | "pool-unknown"
  | "pool-exhausted"
  | "address-not-in-pool"
  | "address-in-use"
  | "sharing-conflict"
  /** The pool gives nothing unasked, or is for other Services. */
  | "pool-closed"
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

/** The clause for a pool annotation that names no pool. */
export function unknownPool(name: string): string {
  return `annotation ${ANNOTATION.addressPool} names the pool ${
    quoted(name)
  }, which does not exist`;
}

/** Builds a {@link Refusal}. */
export function refused(
  reason: RefusalReason,
  message: string,
  pools: readonly PoolRefusal[] = [],
): Refusal {
  return { kind: "refused", reason, message, pools };
}

/** A clause that names the pools there are. */
export function knownPools(book: AddressBook): string {
  const names = book.pools.map(({ pool }) => quoted(pool.name));
  return names.length === 0 ? "no pool is configured" : `the pools are ${shortList(names, ", ")}`;
}

/** At most five items, for events hold about a thousand characters. */
export function shortList(items: readonly string[], separator: string): string {
  const more = items.length > 5 ? `${separator}and ${items.length - 5} more` : "";
  return items.slice(0, 5).join(separator) + more;
}

/** The pools that were not even tried, as far as the Service did not rule them out itself. */
export function closedPools(facts: ServiceFacts, book: AddressBook): PoolRefusal[] {
  const { poolRequest } = facts;
  return book.pools.flatMap(({ pool }) => {
    if (poolRequest !== undefined && pool.name !== poolRequest) return [];
    const message = !isFor(pool, facts, book.namespaces)
      ? notFor(pool, facts)
      : poolRequest === undefined && !pool.autoAssign
      ? `pool ${quoted(pool.name)} has auto-assign off, it is chosen by annotation ` +
        ANNOTATION.addressPool
      : undefined;
    return message === undefined ? [] : [{ pool: pool.name, reason: "pool-closed", message }];
  });
}

/** The clause for a pool whose `service-allocation` leaves the Service out. */
export function notFor({ name }: Pool, { namespace }: ServiceFacts): string {
  return `pool ${quoted(name)} is for other Services: its service-allocation selects neither ` +
    `by namespace ${quoted(namespace)} nor by the labels of this one`;
}

/** `4 of 4 IPv4 addresses are in use`, and what else keeps them. */
export function fullDetail(state: PoolState, family: Family): string {
  const { pool } = state;
  const [size, kept] = [state.sizes[family], state.kept[family]];
  const reserved = pool.reserved.filter((range) => familyOf(range.first) === family)
    .reduce((sum, range) => sum + rangeSize(range), 0n);
  const why = [
    ...reserved > 0n ? [`${reserved} ${areFor(reserved)} reserved`] : [],
    ...kept > 0
      ? [
        `${kept} ${areFor(kept)} kept for ` +
        `${kept === 1 ? "a deleted Service" : "deleted Services"} (sticky-time)`,
      ]
      : [],
  ];
  return why.length === 0
    ? `${size} of ${counted(size, `IPv${family} address`)} ${areFor(size)} in use`
    : `no IPv${family} address of ${size} is free: ${why.join(" and ")}`;
}
