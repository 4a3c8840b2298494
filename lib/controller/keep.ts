import type { ServiceFacts } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import { ANNOTATION } from "../model/names.ts";
import { familyOf, formatIp, type Ip } from "../net/ip.ts";
import { mayHaveFamilies } from "./allocate.ts";
import { poolContains } from "../config/taken.ts";
import { type AddressBook, useOf } from "./allocations.ts";
import { clashOf } from "./clash.ts";
import { poolOf } from "./pool_state.ts";
import { unknownPool } from "./refusal.ts";

/** Whether a Service may go on with the addresses that it has. */
type Keeping =
  | { readonly kind: "legal"; readonly pool: string; readonly ips: readonly Ip[] }
  /** `why` is a clause for people. */
  | { readonly kind: "illegal"; readonly why: string };

/**
 * Judges the addresses that a Service has, by its status or by the book (rule A3): right families,
 * one pool in force that gives them all, and sharing allowed. Addresses of a family that the
 * Service no longer has are left out of what it keeps.
 */
export function judgePresent(
  facts: ServiceFacts,
  present: readonly Ip[],
  book: AddressBook,
): Keeping {
  const ofFamily = facts.families.map((family) => present.find((ip) => familyOf(ip) === family));
  const ips = present.filter((ip) => ofFamily.includes(ip));
  if (!mayHaveFamilies(ips, facts)) {
    const wanted = facts.families.map((family) => `IPv${family}`).join(" and ");
    return { kind: "illegal", why: `the Service is ${wanted}` };
  }
  const pool = poolOf(book.pools, ips);
  if (pool === undefined) return { kind: "illegal", why: whyNoPool(ips, book) };
  const use = useOf(facts);
  for (const ip of ips) {
    const clash = clashOf(book, ip, facts.key, use);
    if (clash !== undefined) return { kind: "illegal", why: clash.message };
  }
  return { kind: "legal", pool: pool.name, ips };
}

function whyNoPool(ips: readonly Ip[], book: AddressBook): string {
  for (const ip of ips) {
    if (poolOf(book.pools, [ip]) !== undefined) continue;
    return book.pools.some(({ pool }) => poolContains(pool, ip))
      ? `${formatIp(ip)} ends in .0 or .255 and avoid-buggy-ips is set`
      : `no pool holds ${formatIp(ip)}`;
  }
  return "no single pool holds all of its addresses";
}

/**
 * Why the Service's own requests rule out the addresses that it has (rules A4 and A5); undefined
 * when they do not. A request that cannot be read takes nothing away.
 */
export function unwanted(
  facts: ServiceFacts,
  pool: string,
  ips: readonly Ip[],
  book: AddressBook,
): string | undefined {
  const { poolRequest, addressRequest } = facts;
  if (poolRequest !== undefined && poolRequest !== pool) {
    return book.pools.some((state) => state.pool.name === poolRequest)
      ? `annotation ${ANNOTATION.addressPool} asks for the pool ${quoted(poolRequest)}`
      : unknownPool(poolRequest);
  }
  if (addressRequest.kind !== "addresses") return undefined;
  const wanted = addressRequest.ips;
  if (wanted.length === ips.length && wanted.every((ip) => ips.includes(ip))) return undefined;
  return `the Service asks for ${wanted.map(formatIp).join(" and ")}`;
}
