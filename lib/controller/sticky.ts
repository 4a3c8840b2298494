import { after, type Instant } from "../base/time.ts";
import type { ServiceKey } from "../model/facts.ts";
import { type AddressBook, forget, type Holding, release, type Remembered } from "./allocations.ts";
import { poolGives } from "../config/taken.ts";
import { countKept } from "./pool_state.ts";

/** So many deleted Services are remembered at most; those that end first make room. */
export const MAX_REMEMBERED = 10_000;

/**
 * Frees what a deleted Service has, and keeps it for one of the same name where the pool says so
 * (`sticky-time`); whether anything came free for others.
 */
export function releaseDeleted(book: AddressBook, service: ServiceKey, now: Instant): boolean {
  const holding = book.holdings.get(service);
  const given = [...book.retiring.get(service) ?? [], ...holding === undefined ? [] : [holding]]
    .flatMap(({ ips }) => ips);
  release(book, service);
  const stickyMs = holding === undefined ? 0 : stickyTime(book, holding);
  if (holding !== undefined && stickyMs > 0) {
    const { pool, ips } = holding;
    remember(book, { service, pool, ips, until: after(now, stickyMs) });
  }
  // What others still use may be shared now with Services that wait.
  return given.some((ip) => book.keptFor.get(ip) !== service);
}

function stickyTime(book: AddressBook, { pool: name }: Holding): number {
  return book.pools.find(({ pool }) => pool.name === name)?.pool.stickyMs ?? 0;
}

/** Enters what is kept; what others use or what is kept for others already is left out. */
export function remember(book: AddressBook, remembered: Remembered): void {
  const ips = remembered.ips.filter((ip) => !book.users.has(ip) && !book.keptFor.has(ip));
  if (ips.length === 0) return;
  forget(book, remembered.service);
  if (book.remembered.size >= MAX_REMEMBERED) {
    let first = remembered;
    for (const one of book.remembered.values()) if (one.until < first.until) first = one;
    if (first === remembered) return;
    forget(book, first.service);
  }
  book.remembered.set(remembered.service, { ...remembered, ips });
  for (const ip of ips) {
    book.keptFor.set(ip, remembered.service);
    countKept(book.pools, ip, 1);
  }
}

/** Gives up what nobody came back for; whether anything came free. */
export function expireRemembered(book: AddressBook, now: Instant): boolean {
  let freed = false;
  for (const { service, until } of [...book.remembered.values()]) {
    if (until <= now) freed = forget(book, service) || freed;
  }
  return freed;
}

/** When {@link expireRemembered} has something to do; undefined when nothing is kept. */
export function nextExpiry(book: AddressBook): Instant | undefined {
  let next: Instant | undefined;
  for (const { until } of book.remembered.values()) {
    if (next === undefined || until < next) next = until;
  }
  return next;
}

/** After a new configuration: what its pools do not give, or do not keep, is free. */
export function recheckRemembered(book: AddressBook): void {
  for (const ip of book.keptFor.keys()) countKept(book.pools, ip, 1);
  for (const { service, ips } of [...book.remembered.values()]) {
    const pool = book.pools.find(({ pool }) => ips.every((ip) => poolGives(pool, ip)))?.pool;
    if (pool === undefined || pool.stickyMs === 0) forget(book, service);
  }
}
