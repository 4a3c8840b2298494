import type { Config, Pool } from "../config/types.ts";
import type { NamespaceFacts, ServiceFacts, ServiceKey, ServicePort } from "../model/facts.ts";
import type { Ip } from "../net/ip.ts";
import { isBuggy, nextIp, rangeContains } from "../net/range.ts";
import type { Instant } from "../base/time.ts";
import {
  countKept,
  type PoolState,
  poolStates,
  type RangeState,
  reservedRange,
} from "./pool_state.ts";
import { inTurn } from "./selection.ts";

/** Which Service holds which address: the one truth that all plans are made against. Updated in place. */
export interface AddressBook {
  /** The pools in force, in the order written. */
  pools: readonly PoolState[];
  /** The same in the order of their turn to give an address unasked. */
  poolsInTurn: readonly PoolState[];
  /** Labels of namespaces, for pools that select by them; kept up to date by the host. */
  namespaces: ReadonlyMap<string, NamespaceFacts>;
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
  /** Addresses of deleted Services that are kept for them. */
  readonly remembered: Map<ServiceKey, Remembered>;
  /** The Service for which an address is kept. */
  readonly keptFor: Map<Ip, ServiceKey>;
  /** Services whose allocation failed, as a whole or for one of two families (rule A11). */
  readonly waiting: Set<ServiceKey>;
  /**
   * What the statuses of Services of another class show though one of ours holds it. When that one
   * gives it up it is theirs, and nobody else gets it.
   */
  readonly contested: Map<ServiceKey, Holding>;
  /** The last failure event of each Service, so that the same one is not repeated at once. */
  readonly reported: Map<ServiceKey, { readonly message: string; readonly at: Instant }>;
}

/** What a deleted Service had, for one of its name that comes in time (`sticky-time`). */
export interface Remembered {
  readonly service: ServiceKey;
  readonly pool: string;
  readonly ips: readonly Ip[];
  readonly until: Instant;
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
  /** When this controller gave them; undefined where the status had them already. */
  readonly given: Instant | undefined;
}

/** What decides whether two Services may share an address (rule A9). */
export interface AddressUse {
  readonly sharingKey: string | undefined;
  /** Equal ones have the same pods behind them, or do not care. */
  readonly backendKey: string;
  readonly ports: readonly ServicePort[];
  /** `spec.loadBalancerClass`; decides nothing. */
  readonly lbClass: string | undefined;
}

/** An empty book for a configuration. */
export function createBook(config: Config): AddressBook {
  const pools = poolStates(config);
  return {
    pools,
    poolsInTurn: inTurn(pools),
    namespaces: new Map(),
    holdings: new Map(),
    retiring: new Map(),
    users: new Map(),
    sharedIps: new Map(),
    remembered: new Map(),
    keptFor: new Map(),
    waiting: new Set(),
    contested: new Map(),
    reported: new Map(),
  };
}

/** How a Service would use an address. */
export function useOf(facts: ServiceFacts): AddressUse {
  const { externalTrafficPolicy, selector, sharingKey, ports } = facts;
  const backendKey = externalTrafficPolicy === "Local" ? `Local ${selector}` : "Cluster";
  return { sharingKey, backendKey, ports, lbClass: facts.loadBalancerClass };
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
  given?: Instant,
): void {
  const holding = holdingOf(facts, pool, ips, given);
  const before = book.holdings.get(facts.key);
  if (before !== undefined && isSameHolding(before, holding)) return;
  book.holdings.set(facts.key, holding);
  forget(book, facts.key);
  use(book, holding);
  // Last, so that what it keeps is free at no moment: it may be contested.
  if (before !== undefined) drop(book, before);
}

/** Enters what the status of a Service shows and what it does not hold, as {@link retire} would. */
export function retireShown(
  book: AddressBook,
  facts: ServiceFacts,
  pool: string,
  ips: readonly Ip[],
): void {
  enterRetiring(book, holdingOf(facts, pool, ips));
}

function enterRetiring(book: AddressBook, holding: Holding): void {
  const { service } = holding;
  book.retiring.set(service, [...book.retiring.get(service) ?? [], holding]);
  use(book, holding);
}

/** Notes what the status of a Service of another class shows in vain, for the time when it is free. */
export function contest(book: AddressBook, facts: ServiceFacts, ips: readonly Ip[]): void {
  book.contested.set(facts.key, holdingOf(facts, "", ips));
}

function holdingOf(facts: ServiceFacts, pool: string, ips: readonly Ip[], at?: Instant): Holding {
  const { key: service, uid, poolRequest } = facts;
  return { service, uid, pool, ips, poolRequest, use: useOf(facts), given: at };
}

function use(book: AddressBook, holding: Holding): void {
  for (const ip of holding.ips) {
    const users = book.users.get(ip);
    book.users.set(ip, users === undefined ? [holding] : [...users, holding]);
    if (holding.use.sharingKey === undefined) continue;
    const shared = book.sharedIps.get(holding.use.sharingKey);
    if (shared === undefined) book.sharedIps.set(holding.use.sharingKey, new Set([ip]));
    else shared.add(ip);
  }
}

/** Whether both say the same of one Service. */
export function isSameHolding(a: Holding, b: Holding): boolean {
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
  const ended = endRetirement(book, service);
  const holding = book.holdings.get(service);
  if (holding === undefined) return ended;
  book.holdings.delete(service);
  drop(book, holding);
  return true;
}

/** Ends the waiting of addresses for a Service that is back, or that did not come. */
export function forget(book: AddressBook, service: ServiceKey): boolean {
  const { ips } = book.remembered.get(service) ?? { ips: [] };
  book.remembered.delete(service);
  for (const ip of ips) {
    book.keptFor.delete(ip);
    countKept(book.pools, ip, -1);
    lowerHint(book, ip);
  }
  return ips.length > 0;
}

function drop(book: AddressBook, holding: Holding): void {
  for (const ip of holding.ips) {
    const others = (book.users.get(ip) ?? []).filter((user) => user !== holding);
    if (others.length > 0) book.users.set(ip, others);
    else free(book, ip);
    const key = holding.use.sharingKey;
    if (key !== undefined && !others.some((user) => user.use.sharingKey === key)) {
      const shared = book.sharedIps.get(key);
      shared?.delete(ip);
      if (shared?.size === 0) book.sharedIps.delete(key);
    }
    if (others.length === 0) inherit(book, ip, holding.service);
  }
}

/** Who contested an address has it now that nobody else does. */
function inherit(book: AddressBook, ip: Ip, from: ServiceKey): void {
  for (const claim of book.contested.values()) {
    if (claim.service !== from && claim.ips.includes(ip)) {
      enterRetiring(book, { ...claim, ips: [ip] });
    }
  }
}

function free(book: AddressBook, ip: Ip): void {
  book.users.delete(ip);
  lowerHint(book, ip);
}

/** An address that may be free now is looked at again by {@link lowestFree}. */
function lowerHint(book: AddressBook, ip: Ip): void {
  for (const { ranges } of book.pools) {
    for (const state of ranges) {
      if (!rangeContains(state.range, ip)) continue;
      if (state.lowest === undefined || ip < state.lowest) state.freed.add(ip);
      return;
    }
  }
}

/** The lowest address of a range that nobody holds or waits for, and that is given unasked. */
export function lowestFree(book: AddressBook, pool: Pool, state: RangeState): Ip | undefined {
  const freed = state.freed.lowest((ip) => !isTaken(book, pool, ip));
  if (freed !== undefined) return freed;
  let ip = state.lowest;
  while (ip !== undefined && isTaken(book, pool, ip)) {
    const reserved = reservedRange(pool, ip);
    const last = reserved?.last ?? ip;
    ip = last >= state.range.last ? undefined : nextIp(last);
  }
  state.lowest = ip;
  return ip;
}

function isTaken(book: AddressBook, pool: Pool, ip: Ip): boolean {
  return book.users.has(ip) || book.keptFor.has(ip) || (pool.avoidBuggyIps && isBuggy(ip)) ||
    reservedRange(pool, ip) !== undefined;
}

/** Whether both are one port of one protocol. */
export function isSamePort(a: ServicePort, b: ServicePort): boolean {
  return a.port === b.port && a.protocol === b.protocol;
}
