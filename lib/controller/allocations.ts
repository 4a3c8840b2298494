import type { Config, Pool } from "../config/types.ts";
import type { ServiceFacts, ServiceKey, ServicePort } from "../model/facts.ts";
import { type Family, familyOf, type Ip } from "../net/ip.ts";
import { type AddressRange, isBuggy, nextIp, rangeContains, rangeSize } from "../net/range.ts";
import type { Instant } from "../base/time.ts";

/** Who holds which address: the one truth that all plans are made against. Updated in place. */
export interface AddressBook {
  /** The pools in force, in the order written. */
  pools: readonly PoolState[];
  readonly holdings: Map<ServiceKey, Holding>;
  /**
   * What Services gave up while their statuses still show it. Nobody else gets it before the
   * status is written, else two statuses would show one address for as long as that write fails.
   */
  readonly retiring: Map<ServiceKey, readonly Holding[]>;
  /** The Services behind each address in use, in the order they came. */
  readonly users: Map<Ip, readonly Holding[]>;
  /** The addresses in use under each sharing key. */
  readonly sharedIps: Map<string, Set<Ip>>;
  /** Services whose allocation failed (rule A11). */
  readonly waiting: Set<ServiceKey>;
  /** The last failure event of each Service, so that the same one is not repeated at once. */
  readonly reported: Map<ServiceKey, { readonly message: string; readonly at: Instant }>;
}

/** A pool and how far its ranges are known to be full. */
export interface PoolState {
  readonly pool: Pool;
  readonly ranges: readonly RangeState[];
  /** Addresses that can be given, by family. */
  readonly sizes: Readonly<Record<Family, bigint>>;
}

export interface RangeState {
  readonly range: AddressRange;
  /** No address below this one is free; undefined when none is left. Lowered by each release. */
  lowest: Ip | undefined;
}

/** What one Service holds. */
export interface Holding {
  readonly service: ServiceKey;
  readonly uid: string;
  /** The pool that gives the addresses; another one after the ranges moved. */
  pool: string;
  readonly ips: readonly Ip[];
  readonly poolRequest: string | undefined;
  readonly use: AddressUse;
}

/** What decides whether two Services may share an address (rule A9). */
export interface AddressUse {
  readonly sharingKey: string | undefined;
  /** Equal ones have the same pods behind them, or do not care. */
  readonly backendKey: string;
  readonly ports: readonly ServicePort[];
}

/** Why an address cannot be shared with one of its users. */
export interface Clash {
  readonly reason: "address-in-use" | "sharing-conflict";
  readonly partner: ServiceKey;
  /** A clause that begins with the partner's name. */
  readonly message: string;
}

/** An empty book for a configuration. */
export function createBook(config: Config): AddressBook {
  return {
    pools: poolStates(config),
    holdings: new Map(),
    retiring: new Map(),
    users: new Map(),
    sharedIps: new Map(),
    waiting: new Set(),
    reported: new Map(),
  };
}

/** The pools of a configuration with nothing known about what is full. */
export function poolStates(config: Config): readonly PoolState[] {
  return config.pools.map((pool) => ({
    pool,
    ranges: pool.ranges.map((range) => ({ range, lowest: range.first })),
    sizes: { 4: usableSize(pool, 4), 6: usableSize(pool, 6) },
  }));
}

/** How a Service would use an address. */
export function useOf(facts: ServiceFacts): AddressUse {
  const { externalTrafficPolicy, selector, sharingKey, ports } = facts;
  const backendKey = externalTrafficPolicy === "Local" ? `Local ${selector}` : "Cluster";
  return { sharingKey, backendKey, ports };
}

/**
 * Enters that a Service holds these addresses of this pool, in place of what it held. The caller
 * has checked that it may.
 */
export function hold(
  book: AddressBook,
  facts: ServiceFacts,
  pool: string,
  ips: readonly Ip[],
): void {
  const { key: service, uid, poolRequest } = facts;
  const holding: Holding = { service, uid, pool, ips, poolRequest, use: useOf(facts) };
  const before = book.holdings.get(service);
  if (before !== undefined && isSameHolding(before, holding)) return;
  if (before !== undefined) drop(book, before);
  book.holdings.set(service, holding);
  for (const ip of ips) {
    book.users.set(ip, [...book.users.get(ip) ?? [], holding]);
    if (holding.use.sharingKey === undefined) continue;
    const shared = book.sharedIps.get(holding.use.sharingKey);
    if (shared === undefined) book.sharedIps.set(holding.use.sharingKey, new Set([ip]));
    else shared.add(ip);
  }
}

function isSameHolding(a: Holding, b: Holding): boolean {
  return a.uid === b.uid && a.pool === b.pool && a.poolRequest === b.poolRequest &&
    sameIps(a.ips, b.ips) && a.use.sharingKey === b.use.sharingKey &&
    a.use.backendKey === b.use.backendKey && a.use.ports.length === b.use.ports.length &&
    a.use.ports.every((port) => b.use.ports.some((other) => isSamePort(port, other)));
}

/** Whether both lists hold the same addresses in the same order. */
export function sameIps(a: readonly Ip[], b: readonly Ip[]): boolean {
  return a.length === b.length && a.every((ip, index) => ip === b[index]);
}

/** Takes a Service's addresses from it, but keeps others off them until {@link endRetirement}. */
export function retire(book: AddressBook, service: ServiceKey): void {
  const holding = book.holdings.get(service);
  if (holding === undefined) return;
  book.holdings.delete(service);
  book.retiring.set(service, [...book.retiring.get(service) ?? [], holding]);
}

/** Frees what a Service gave up earlier, now that its status does not show it; whether any. */
export function endRetirement(book: AddressBook, service: ServiceKey): boolean {
  const retiring = book.retiring.get(service) ?? [];
  book.retiring.delete(service);
  for (const holding of retiring) drop(book, holding);
  return retiring.length > 0;
}

/** Frees all that a Service has and had, at once, because it is gone; whether there was any. */
export function release(book: AddressBook, service: ServiceKey): boolean {
  retire(book, service);
  return endRetirement(book, service);
}

function drop(book: AddressBook, holding: Holding): void {
  for (const ip of holding.ips) {
    const others = (book.users.get(ip) ?? []).filter((user) => user !== holding);
    if (others.length > 0) book.users.set(ip, others);
    else free(book, ip);
    const key = holding.use.sharingKey;
    if (key === undefined || others.some((user) => user.use.sharingKey === key)) continue;
    const shared = book.sharedIps.get(key);
    shared?.delete(ip);
    if (shared?.size === 0) book.sharedIps.delete(key);
  }
}

function free(book: AddressBook, ip: Ip): void {
  book.users.delete(ip);
  for (const { ranges } of book.pools) {
    for (const state of ranges) {
      if (!rangeContains(state.range, ip)) continue;
      if (state.lowest === undefined || ip < state.lowest) state.lowest = ip;
      return;
    }
  }
}

/** The lowest address of a range that nobody holds and that may be given. */
export function lowestFree(book: AddressBook, pool: Pool, state: RangeState): Ip | undefined {
  let ip = state.lowest;
  while (ip !== undefined && (book.users.has(ip) || (pool.avoidBuggyIps && isBuggy(ip)))) {
    ip = ip === state.range.last ? undefined : nextIp(ip);
  }
  state.lowest = ip;
  return ip;
}

/** Why the Service may not use the address beside its present users; undefined when it may. */
export function clashOf(
  book: AddressBook,
  ip: Ip,
  service: ServiceKey,
  use: AddressUse,
): Clash | undefined {
  for (const user of book.users.get(ip) ?? []) {
    if (user.service === service) continue;
    const clash = clashWith(user, use);
    if (clash !== undefined) return clash;
  }
  return undefined;
}

function clashWith(user: Holding, use: AddressUse): Clash | undefined {
  const partner = user.service;
  const { sharingKey, backendKey, ports } = user.use;
  if (use.sharingKey === undefined || sharingKey !== use.sharingKey) {
    const message = use.sharingKey === undefined || sharingKey === undefined
      ? `${partner} uses it, and not both Services have a sharing key`
      : `${partner} uses it under another sharing key`;
    return { reason: "address-in-use", partner, message };
  }
  if (backendKey !== use.backendKey) {
    const message = `${partner} shares it with another externalTrafficPolicy, ` +
      `or with Local and other pods`;
    return { reason: "sharing-conflict", partner, message };
  }
  const port = ports.find((theirs) => use.ports.some((own) => isSamePort(own, theirs)));
  if (port === undefined) return undefined;
  const message = `${partner} already uses its port ${port.port}/${port.protocol}`;
  return { reason: "sharing-conflict", partner, message };
}

function isSamePort(a: ServicePort, b: ServicePort): boolean {
  return a.port === b.port && a.protocol === b.protocol;
}

/** Whether the pool holds the address and gives it. */
export function poolGives(pool: Pool, ip: Ip): boolean {
  return poolContains(pool, ip) && !(pool.avoidBuggyIps && isBuggy(ip));
}

/** Whether the pool holds the address, given or not. */
export function poolContains(pool: Pool, ip: Ip): boolean {
  return pool.ranges.some((range) => rangeContains(range, ip));
}

/** The pool that gives all of the addresses (rule A8: one pool for both families). */
export function poolOf(pools: readonly PoolState[], ips: readonly Ip[]): Pool | undefined {
  return pools.find(({ pool }) => ips.every((ip) => poolGives(pool, ip)))?.pool;
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
