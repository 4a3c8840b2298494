import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Mac } from "../net/ethernet.ts";
import type { Ip } from "../net/ip.ts";

/** An interface that can carry announcements. */
export interface AnnouncingInterface {
  readonly ifindex: number;
  readonly mac: Mac;
  /** A veth end, most likely a pod's; its frames go after those of the uplinks. */
  readonly inner: boolean;
}

export type Layer2Event =
  /**
   * The full set of addresses that this node answers for, those among them that it no longer
   * announces because another node is about to, and those that no other had since they were here.
   */
  | {
    readonly kind: "owned";
    readonly ips: readonly Ip[];
    readonly quiet?: readonly Ip[];
    readonly resumed?: readonly Ip[];
  }
  /** The full set of interfaces to announce on from now on. */
  | { readonly kind: "interfaces"; readonly interfaces: readonly AnnouncingInterface[] }
  /** Announce these again at once: a neighbour may hold another's hardware address. */
  | { readonly kind: "again"; readonly ips: readonly Ip[] }
  | { readonly kind: "tick" };

export type Layer2Action =
  | { readonly kind: "setOwned"; readonly ips: readonly Ip[] }
  | { readonly kind: "setInterfaces"; readonly interfaces: readonly AnnouncingInterface[] }
  /** By ARP both forms, the request, then the reply; by NDP an unsolicited advertisement. */
  | {
    readonly kind: "gratuitous";
    readonly ip: Ip;
    readonly ifindex: number;
    readonly mac: Mac;
  };

/** Announcements of one address on one interface that are still to come. */
interface Burst {
  readonly ip: Ip;
  readonly ifindex: number;
  readonly inner: boolean;
  /** None has left yet: neighbours have no entry, or a wrong one. */
  first: boolean;
  /** A series put off: it begins with the first one. */
  deferred: boolean;
  left: number;
  due: Instant;
}

/** What the layer 2 machine knows; only `step` touches it. */
interface Layer2State {
  readonly owned: Set<Ip>;
  readonly interfaces: Map<number, AnnouncingInterface>;
  /** Keyed by address and interface. */
  readonly bursts: Map<string, Burst>;
  /** When a series of announcements of an address last began. */
  readonly begun: Map<Ip, Instant>;
  /** How many announcements may leave at once, and when that was reckoned. */
  credit: number;
  creditAt: Instant;
}

/** MetalLB: at once, then every 1.1 s for 5 s. */
export const REPEAT_MS: Millis = 1_100;
export const REPEATS = 5;
/** By NDP, RFC 4861 §7.2.6: MAX_NEIGHBOR_ADVERTISEMENT. */
const REPEATS_NDP = 3;
/** An address that comes and goes is announced anew at most this often; one frame always leaves. */
export const SERIES_MS: Millis = 5_000;
/** In any second at most this many announcements leave, by ARP of two frames each … */
export const PER_SECOND = 2_200;
/** … some of them at once; as many may catch up after a timer that came late. */
export const AT_ONCE = 40;
/** How far apart ticks are while more are due than may leave. */
const TICK_MS: Millis = 10;
const CREDIT_PER_MS = (PER_SECOND - AT_ONCE) / 1_000;

export function createLayer2(): Layer2State {
  return {
    owned: new Set(),
    interfaces: new Map(),
    bursts: new Map(),
    begun: new Map(),
    credit: AT_ONCE,
    creditAt: instant(-Infinity),
  };
}

/**
 * Advances the announcements of this node: answers begin and end with the decision, gratuitous
 * frames follow it. The table is set before any frame leaves, so that a host that asks back is answered.
 * Total over every event; actions are in the order to perform.
 */
export function step(
  state: Layer2State,
  event: Layer2Event,
  now: Instant,
): { state: Layer2State; actions: Layer2Action[] } {
  const actions: Layer2Action[] = [];
  if (event.kind === "owned") {
    onOwned(state, event.ips, new Set(event.resumed), now, actions);
    for (const ip of event.quiet ?? []) endBursts(state, ip);
  } else if (event.kind === "interfaces") onInterfaces(state, event.interfaces, now, actions);
  else if (event.kind === "again") onAgain(state, event.ips, now);
  sendDue(state, now, actions);
  return { state, actions };
}

/** When the next tick is due; undefined while nothing is to be sent. */
export function nextDeadline(state: Layer2State): Instant | undefined {
  let earliest: Instant | undefined;
  for (const { due } of state.bursts.values()) {
    if (earliest === undefined || due < earliest) earliest = due;
  }
  // What was due at the last step and is still here waits for credit.
  return earliest !== undefined && earliest <= state.creditAt
    ? after(state.creditAt, TICK_MS)
    : earliest;
}

function onOwned(
  state: Layer2State,
  ips: readonly Ip[],
  resumed: ReadonlySet<Ip>,
  now: Instant,
  actions: Layer2Action[],
): void {
  const next = new Set(ips);
  const gained = ips.filter((ip) => !state.owned.has(ip));
  const lost = [...state.owned].filter((ip) => !next.has(ip));
  if (gained.length === 0 && lost.length === 0) return;
  for (const ip of lost) {
    state.owned.delete(ip);
    endBursts(state, ip);
  }
  for (const ip of gained) state.owned.add(ip);
  actions.push({ kind: "setOwned", ips: [...next] });
  for (const ip of gained) begin(state, ip, resumed.has(ip), now);
  for (const [ip, at] of state.begun) {
    if (!state.owned.has(ip) && now >= after(at, SERIES_MS)) state.begun.delete(ip);
  }
}

function endBursts(state: Layer2State, ip: Ip): void {
  for (const ifindex of state.interfaces.keys()) state.bursts.delete(keyOf(ip, ifindex));
}

/**
 * Begins a whole series, or within five seconds of the last one a single announcement. Of an address
 * that no other node had, neighbours know what they must: its series waits until the five seconds are
 * over (row L20).
 */
function begin(state: Layer2State, ip: Ip, resumed: boolean, now: Instant): void {
  const last = state.begun.get(ip);
  const again = last !== undefined && now < after(last, SERIES_MS);
  if (!again && state.interfaces.size > 0) state.begun.set(ip, now);
  const deferred = again && resumed;
  const left = again && !resumed ? 1 : repeatsOf(ip);
  const due = deferred ? after(last, SERIES_MS) : now;
  for (const { ifindex, inner } of state.interfaces.values()) {
    const burst = { ip, ifindex, inner, first: true, deferred, left, due };
    state.bursts.set(keyOf(ip, ifindex), burst);
  }
}

function onInterfaces(
  state: Layer2State,
  interfaces: readonly AnnouncingInterface[],
  now: Instant,
  actions: Layer2Action[],
): void {
  const next = new Set(interfaces.map(({ ifindex }) => ifindex));
  const fresh = interfaces.filter(({ ifindex, mac }) => state.interfaces.get(ifindex)?.mac !== mac);
  const gone = [...state.interfaces.keys()].filter((ifindex) => !next.has(ifindex));
  if (fresh.length === 0 && gone.length === 0) return;
  for (const ifindex of gone) {
    state.interfaces.delete(ifindex);
    for (const ip of state.owned) state.bursts.delete(keyOf(ip, ifindex));
  }
  for (const one of fresh) state.interfaces.set(one.ifindex, one);
  actions.push({ kind: "setInterfaces", interfaces });
  // A new or changed hardware address makes every neighbour's entry wrong at once.
  for (const ip of state.owned) {
    for (const { ifindex, inner } of fresh) {
      const left = repeatsOf(ip);
      const burst = { ip, ifindex, inner, first: true, deferred: false, left, due: now };
      state.bursts.set(keyOf(ip, ifindex), burst);
    }
  }
}

/** One more announcement each, beside those still to come. */
function onAgain(state: Layer2State, ips: readonly Ip[], now: Instant): void {
  for (const ip of ips) {
    if (!state.owned.has(ip)) continue;
    for (const { ifindex, inner } of state.interfaces.values()) {
      const waiting = state.bursts.get(keyOf(ip, ifindex));
      const left = Math.min(REPEATS, 1 + (waiting?.left ?? 0));
      const burst = { ip, ifindex, inner, first: true, deferred: false, left, due: now };
      state.bursts.set(keyOf(ip, ifindex), burst);
    }
  }
}

function sendDue(state: Layer2State, now: Instant, actions: Layer2Action[]): void {
  const earned = Math.max(0, now - state.creditAt) * CREDIT_PER_MS;
  state.credit = Math.min(AT_ONCE, state.credit + earned);
  state.creditAt = now;
  if (state.credit < 1) return;
  const due = [...state.bursts.values()].filter((burst) => burst.due <= now);
  // The LAN goes before a node's many pods, and first announcements before any repeat: a host that
  // has no entry waits, one that has does not.
  due.sort((a, b) =>
    Number(a.inner) - Number(b.inner) || Number(b.first) - Number(a.first) || a.due - b.due
  );
  for (const burst of due.slice(0, Math.floor(state.credit))) {
    const mac = state.interfaces.get(burst.ifindex)?.mac;
    if (mac !== undefined) {
      actions.push({ kind: "gratuitous", ip: burst.ip, ifindex: burst.ifindex, mac });
    }
    state.credit--;
    if (burst.deferred) state.begun.set(burst.ip, now);
    burst.deferred = false;
    burst.first = false;
    burst.left--;
    burst.due = after(now, REPEAT_MS);
    if (burst.left === 0) state.bursts.delete(keyOf(burst.ip, burst.ifindex));
  }
}

function keyOf(ip: Ip, ifindex: number): string {
  return `${ip} ${ifindex}`;
}

function repeatsOf(ip: Ip): number {
  return typeof ip === "number" ? REPEATS : REPEATS_NDP;
}
