import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Mac } from "../net/ethernet.ts";
import type { Ip } from "../net/ip.ts";
import {
  addBursts,
  type AnnouncingInterface,
  type Bursts,
  createBursts,
  endBursts,
  groupsOf,
  type InterfaceGroups,
  keepOnly,
  leftOf,
  nextDue,
  REPEAT_MS,
  sendDue,
} from "./bursts.ts";

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

/** What the layer 2 machine knows; only `step` touches it. */
interface Layer2State {
  readonly owned: Set<Ip>;
  /** Of them, what another is about to announce. */
  quiet: ReadonlySet<Ip>;
  readonly interfaces: Map<number, AnnouncingInterface>;
  /** The same, as they are announced on. */
  groups: InterfaceGroups;
  readonly bursts: Bursts;
  /** When a series of announcements of an address last began. */
  readonly begun: Map<Ip, Instant>;
}

/** MetalLB: at once, then every 1.1 s for 5 s. */
export const REPEATS = 5;
/** By NDP, RFC 4861 §7.2.6: MAX_NEIGHBOR_ADVERTISEMENT. */
const REPEATS_NDP = 3;
/** An address that comes and goes is announced anew at most this often; one frame always leaves. */
export const SERIES_MS: Millis = 5_000;

export function createLayer2(): Layer2State {
  return {
    owned: new Set(),
    quiet: new Set(),
    interfaces: new Map(),
    groups: { outer: [], inner: [] },
    bursts: createBursts(),
    begun: new Map(),
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
    onOwned(state, event, now, actions);
  } else if (event.kind === "interfaces") onInterfaces(state, event.interfaces, now, actions);
  else if (event.kind === "again") onAgain(state, event.ips, now);
  sendDue(state.bursts, now, {
    send: (ip, { ifindex, mac }) => actions.push({ kind: "gratuitous", ip, ifindex, mac }),
    onBegun: (ip) => state.begun.set(ip, now),
  });
  return { state, actions };
}

/** When the next tick is due; undefined while nothing is to be sent. */
export function nextDeadline(state: Layer2State): Instant | undefined {
  return nextDue(state.bursts);
}

function onOwned(
  state: Layer2State,
  { ips, quiet = [], resumed = [] }: Layer2Event & { readonly kind: "owned" },
  now: Instant,
  actions: Layer2Action[],
): void {
  const next = new Set(ips);
  const { owned, quiet: before } = state;
  // What another was about to announce it may have announced: neighbours are told as of a new one.
  const announced = ips.filter((ip) => !owned.has(ip) || before.has(ip));
  const lost = [...owned].filter((ip) => !next.has(ip));
  const isAnother = lost.length > 0 || owned.size !== next.size;
  state.quiet = new Set(quiet);
  for (const ip of [...lost, ...quiet]) endBursts(state.bursts, ip);
  for (const ip of lost) owned.delete(ip);
  for (const ip of ips) owned.add(ip);
  if (isAnother) actions.push({ kind: "setOwned", ips: [...next] });
  const fresh = announced.filter((ip) => !state.quiet.has(ip));
  const isResumed = new Set(resumed);
  for (const ip of fresh) begin(state, ip, isResumed.has(ip), now);
  if (!isAnother) return;
  for (const [ip, at] of state.begun) {
    if (!owned.has(ip) && now >= after(at, SERIES_MS)) state.begun.delete(ip);
  }
}

/**
 * Begins a whole series, or within five seconds of the last one a single announcement, and one more
 * when they are over: another node had it meanwhile, and a frame may be lost. Of an address that no
 * other node had, neighbours know what they must: its series waits until then (row L20).
 */
function begin(state: Layer2State, ip: Ip, resumed: boolean, now: Instant): void {
  const last = state.begun.get(ip);
  const again = last !== undefined && now < after(last, SERIES_MS);
  if (!again && state.interfaces.size > 0) state.begun.set(ip, now);
  const { bursts, groups } = state;
  if (!again) return addBursts(bursts, { ip, left: repeatsOf(ip), due: now }, groups);
  const over = after(last, SERIES_MS);
  if (resumed) {
    return addBursts(bursts, { ip, left: repeatsOf(ip), due: over, deferred: true }, groups);
  }
  const quiet = instant(Math.max(over, after(now, REPEAT_MS)));
  for (const due of [now, quiet]) addBursts(bursts, { ip, left: 1, due }, groups);
}

function onInterfaces(
  state: Layer2State,
  interfaces: readonly AnnouncingInterface[],
  now: Instant,
  actions: Layer2Action[],
): void {
  const before = new Map(state.interfaces);
  state.interfaces.clear();
  for (const one of interfaces) state.interfaces.set(one.ifindex, one);
  state.groups = groupsOf(interfaces);
  const fresh = interfaces.filter(({ ifindex, mac }) => before.get(ifindex)?.mac !== mac);
  const isGone = [...before.keys()].some((ifindex) => !state.interfaces.has(ifindex));
  if (fresh.length === 0 && !isGone) return;
  keepOnly(state.bursts, ({ ifindex, mac }) => state.interfaces.get(ifindex)?.mac === mac);
  actions.push({ kind: "setInterfaces", interfaces });
  // A new or changed hardware address makes every neighbour's entry wrong at once.
  const groups = groupsOf(fresh);
  for (const ip of state.owned) {
    if (state.quiet.has(ip)) continue;
    addBursts(state.bursts, { ip, left: repeatsOf(ip), due: now }, groups);
  }
}

/** One more announcement each, beside those still to come. */
function onAgain(state: Layer2State, ips: readonly Ip[], now: Instant): void {
  for (const ip of ips) {
    if (!state.owned.has(ip) || state.quiet.has(ip)) continue;
    const left = Math.min(REPEATS, 1 + leftOf(state.bursts, ip));
    endBursts(state.bursts, ip);
    addBursts(state.bursts, { ip, left, due: now }, state.groups);
  }
}

function repeatsOf(ip: Ip): number {
  return typeof ip === "number" ? REPEATS : REPEATS_NDP;
}
