import { addTo, createHeap, type Heap, leastOf, takeLeast } from "../base/heap.ts";
import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Mac } from "../net/ethernet.ts";
import type { Ip } from "../net/ip.ts";

/** An interface that can carry announcements. */
export interface AnnouncingInterface {
  readonly ifindex: number;
  readonly mac: Mac;
  /** Most likely a pod's: it is told of an address once, after those that lead to the LAN. */
  readonly inner: boolean;
}

/** Announcements of one address on some interfaces that are still to come. */
interface Burst {
  readonly ip: Ip;
  readonly inner: boolean;
  on: readonly AnnouncingInterface[];
  /** How many of them have the announcement that is under way. */
  reached: number;
  /** None has left yet: neighbours have no entry, or a wrong one. */
  first: boolean;
  /** A series put off: it begins with the first one. */
  readonly deferred: boolean;
  /** 0 when it has ended. */
  left: number;
  due: Instant;
  /** Of those due at one time the older goes first. */
  number: number;
}

/** The bursts of all addresses, and the pace at which they leave. Work follows what is due. */
export interface Bursts {
  readonly of: Map<Ip, Burst[]>;
  readonly waiting: Heap<Burst>;
  /** Due, by {@link rankOf}, and waiting for credit. */
  readonly ready: readonly Burst[][];
  lastNumber: number;
  /** How many announcements may leave at once, and when that was reckoned. */
  credit: number;
  creditAt: Instant;
}

/** MetalLB: at once, then every 1.1 s for 5 s. */
export const REPEAT_MS: Millis = 1_100;
/** In any second at most this many announcements leave, by ARP of two frames each … */
export const PER_SECOND = 2_200;
/** … some of them at once; as many may catch up after a timer that came late. */
export const AT_ONCE = 40;
/** How far apart ticks are while more are due than may leave. */
const TICK_MS: Millis = 10;
const CREDIT_PER_MS = (PER_SECOND - AT_ONCE) / 1_000;

export function createBursts(): Bursts {
  return {
    of: new Map(),
    waiting: createHeap((one, other) =>
      one.due < other.due || one.due === other.due && one.number < other.number
    ),
    ready: [[], [], []],
    lastNumber: 0,
    credit: AT_ONCE,
    creditAt: instant(-Infinity),
  };
}

/**
 * Adds announcements of an address on these interfaces beside those that there are: a series of
 * `left` on those that lead to the LAN, and one on the others.
 */
export function addBursts(
  bursts: Bursts,
  { ip, left, due, deferred = false }: {
    readonly ip: Ip;
    readonly left: number;
    readonly due: Instant;
    readonly deferred?: boolean;
  },
  on: InterfaceGroups,
): void {
  for (const inner of [false, true]) {
    const group = inner ? on.inner : on.outer;
    if (group.length === 0) continue;
    const series = { left: inner ? 1 : left, due, deferred: deferred && !inner };
    const place = { ip, inner, on: group, reached: 0, first: true };
    const burst = { ...place, ...series, number: ++bursts.lastNumber };
    bursts.of.set(ip, [...bursts.of.get(ip) ?? [], burst]);
    addTo(bursts.waiting, burst);
  }
}

/** Interfaces by how they are announced on; many bursts share one. */
export interface InterfaceGroups {
  readonly outer: readonly AnnouncingInterface[];
  readonly inner: readonly AnnouncingInterface[];
}

export function groupsOf(interfaces: Iterable<AnnouncingInterface>): InterfaceGroups {
  const { outer = [], inner = [] } = Object.groupBy(
    interfaces,
    (one) => one.inner ? "inner" : "outer",
  );
  return { outer, inner };
}

/** How many announcements of an address are still to come where most are. */
export function leftOf({ of }: Bursts, ip: Ip): number {
  return Math.max(0, ...(of.get(ip) ?? []).map(({ left }) => left));
}

/** Ends all announcements of an address. */
export function endBursts(bursts: Bursts, ip: Ip): void {
  for (const burst of bursts.of.get(ip) ?? []) burst.left = 0;
  bursts.of.delete(ip);
}

/** Ends what was to leave by other interfaces than these. */
export function keepOnly(bursts: Bursts, isKept: (one: AnnouncingInterface) => boolean): void {
  const known = new Map<readonly AnnouncingInterface[], readonly AnnouncingInterface[]>();
  for (const [ip, all] of bursts.of) {
    for (const burst of all) {
      const kept = known.get(burst.on) ?? burst.on.filter(isKept);
      known.set(burst.on, kept);
      burst.reached = burst.on.slice(0, burst.reached).filter(isKept).length;
      burst.on = kept;
      if (kept.length === 0) burst.left = 0;
    }
    forgetEnded(bursts, ip);
  }
}

/** Where announcements go. */
interface Outlet {
  readonly send: (ip: Ip, on: AnnouncingInterface) => void;
  /** A series that was put off begins. */
  readonly onBegun: (ip: Ip) => void;
}

/** Sends what is due, as much of it as the pace lets by. */
export function sendDue(bursts: Bursts, now: Instant, outlet: Outlet): void {
  const earned = Math.max(0, now - bursts.creditAt) * CREDIT_PER_MS;
  bursts.credit = Math.min(AT_ONCE, bursts.credit + earned);
  bursts.creditAt = now;
  for (let next = leastOf(bursts.waiting); next !== undefined && next.due <= now;) {
    takeLeast(bursts.waiting);
    if (next.left > 0) bursts.ready[rankOf(next)]?.push(next);
    next = leastOf(bursts.waiting);
  }
  for (const queue of bursts.ready) sendReady(bursts, queue, now, outlet);
  // Nobody shall wake for one that has ended.
  while (leastOf(bursts.waiting)?.left === 0) takeLeast(bursts.waiting);
}

function sendReady(
  bursts: Bursts,
  queue: Burst[],
  now: Instant,
  { send, onBegun }: Outlet,
): void {
  for (let burst = queue[0]; burst !== undefined; burst = queue[0]) {
    const next = burst.left > 0 ? burst.on[burst.reached] : undefined;
    if (next !== undefined) {
      if (bursts.credit < 1) return;
      bursts.credit--;
      if (burst.deferred && burst.first && burst.reached === 0) onBegun(burst.ip);
      send(burst.ip, next);
      burst.reached++;
      if (burst.reached < burst.on.length) continue;
    }
    queue.shift();
    endRound(bursts, burst, now);
  }
}

/** All interfaces have the announcement. */
function endRound(bursts: Bursts, burst: Burst, now: Instant): void {
  if (burst.left === 0) return;
  burst.left--;
  burst.first = false;
  burst.reached = 0;
  burst.due = after(now, REPEAT_MS);
  if (burst.left > 0) addTo(bursts.waiting, burst);
  else forgetEnded(bursts, burst.ip);
}

function forgetEnded({ of }: Bursts, ip: Ip): void {
  const left = (of.get(ip) ?? []).filter((burst) => burst.left > 0);
  if (left.length > 0) of.set(ip, left);
  else of.delete(ip);
}

/**
 * The LAN goes before a node's many pods, and first announcements before any repeat: a host that
 * has no entry waits, one that has does not.
 */
function rankOf({ first, inner }: Burst): number {
  return inner ? 2 : first ? 0 : 1;
}

/** When more is due, or may leave of what is; undefined while nothing is to be sent. */
export function nextDue({ creditAt, ready, waiting }: Bursts): Instant | undefined {
  const due = leastOf(waiting)?.due;
  const isLate = ready.some((queue) => queue.length > 0) || due !== undefined && due <= creditAt;
  return isLate ? after(creditAt, TICK_MS) : due;
}
