import { unreachable } from "../base/errors.ts";
import { after, type Instant, type Millis, type Random } from "../base/time.ts";
import type { ArpPacket } from "../arp/packet.ts";
import type { NdpPacket } from "../ndp/packet.ts";
import { formatMac, type Mac } from "../net/ethernet.ts";
import type { Ip } from "../net/ip.ts";
import { JUDGE_MS } from "./conflicts.ts";

/** Times of RFC 5227 §1.1: the first probe leaves within PROBE_WAIT … */
export const PROBE_WAIT_MS: Millis = 1_000;
/** … the others follow after PROBE_MIN to PROBE_MAX … */
const PROBE_MIN_MS: Millis = 1_000;
export const PROBE_MAX_MS: Millis = 2_000;
export const PROBES = 3;
/** … and a node that heard nothing for so long after the last one has the address. */
export const ANNOUNCE_WAIT_MS: Millis = 2_000;
/** An address that a foreign host has is probed again so often: it is announced when that is gone. */
export const RETRY_MS: Millis = 60_000;

export type AddressProbeEvent =
  /** All that this node is to answer for; what is resumed it answered a moment ago. */
  | { readonly kind: "wanted"; readonly ips: readonly Ip[]; readonly resumed?: readonly Ip[] }
  /** Speakers have these, or had them last: they are handed over, not probed. */
  | { readonly kind: "held"; readonly ips: readonly Ip[] }
  /** No speaker has these any more. */
  | { readonly kind: "free"; readonly ips: readonly Ip[] }
  /** A host on the network has the address. */
  | { readonly kind: "seen"; readonly ip: Ip; readonly mac: Mac }
  /** The hardware addresses of all other speakers. */
  | { readonly kind: "fellows"; readonly macs: ReadonlySet<Mac> }
  | { readonly kind: "tick" };

export type AddressProbeAction =
  /** Asks on each interface which host has it. */
  | { readonly kind: "probe"; readonly ip: Ip }
  /** No host has it: what {@link passed} gives has grown. */
  | { readonly kind: "passed"; readonly ip: Ip }
  | { readonly kind: "conflict"; readonly ip: Ip; readonly mac: Mac };

interface Probing {
  sent: number;
  due: Instant;
  /** It has the address, and may yet be told of as a fellow: judged when it is due. */
  suspect: Mac | undefined;
  foreign: Mac | undefined;
}

/** Addresses on their way from wanted to answered; only {@link step} touches it. */
export interface AddressProbeState {
  readonly wanted: Set<Ip>;
  readonly probing: Map<Ip, Probing>;
  readonly held: Set<Ip>;
  fellows: ReadonlySet<Mac>;
}

/** Begins with nothing wanted, and nothing held by anybody. */
export function createAddressProbe(): AddressProbeState {
  return { wanted: new Set(), probing: new Map(), held: new Set(), fellows: new Set() };
}

/**
 * Probes an address that no speaker had before this node answers for it (RFC 5227 §2.1, by NDP as
 * RFC 4862 §5.4): a foreign host that has it keeps it, and is told of. Total over every event;
 * actions are in the order to perform.
 */
export function step(
  state: AddressProbeState,
  event: AddressProbeEvent,
  now: Instant,
  random: Random,
): AddressProbeAction[] {
  const actions: AddressProbeAction[] = [];
  switch (event.kind) {
    case "wanted":
      onWanted(state, event.ips, new Set(event.resumed), now, random);
      break;
    case "held":
      for (const ip of event.ips) state.held.add(ip);
      break;
    case "free":
      for (const ip of event.ips) state.held.delete(ip);
      break;
    case "seen":
      onSeen(state, event.ip, event.mac, now, actions);
      break;
    case "fellows":
      state.fellows = event.macs;
      break;
    case "tick":
      break;
    default:
      return unreachable(event);
  }
  for (const [ip, probing] of [...state.probing]) {
    if (now >= probing.due) advance(state, ip, probing, now, random, actions);
  }
  return actions;
}

/** When the next tick is due; undefined while nothing is probed. */
export function nextDeadline(state: AddressProbeState): Instant | undefined {
  let earliest: Instant | undefined;
  for (const { due } of state.probing.values()) {
    if (earliest === undefined || due < earliest) earliest = due;
  }
  return earliest;
}

/** What this node may answer for. */
export function passed(state: AddressProbeState): Ip[] {
  return [...state.wanted].filter((ip) => !state.probing.has(ip));
}

/** Why an address is not answered though it is wanted; undefined when it is, or is not wanted. */
export function heldBack(state: AddressProbeState, ip: Ip): string | undefined {
  const probing = state.probing.get(ip);
  if (probing === undefined) return undefined;
  return probing.foreign === undefined
    ? "the network is being asked whether a host has it"
    : `host ${formatMac(probing.foreign)} has it`;
}

/** Wanted addresses that a foreign host has. */
export function taken(
  state: AddressProbeState,
): { readonly ip: Ip; readonly mac: Mac }[] {
  return [...state.probing].flatMap(([ip, { foreign: mac }]) =>
    mac === undefined ? [] : [{ ip, mac }]
  );
}

function onWanted(
  state: AddressProbeState,
  ips: readonly Ip[],
  resumed: ReadonlySet<Ip>,
  now: Instant,
  random: Random,
): void {
  const next = new Set(ips);
  for (const ip of [...state.wanted]) {
    if (next.has(ip)) continue;
    state.wanted.delete(ip);
    state.probing.delete(ip);
  }
  for (const ip of ips) {
    if (state.wanted.has(ip)) continue;
    state.wanted.add(ip);
    if (state.held.has(ip) || resumed.has(ip)) continue;
    const due = after(now, PROBE_WAIT_MS * random());
    state.probing.set(ip, { sent: 0, due, suspect: undefined, foreign: undefined });
  }
}

function onSeen(
  state: AddressProbeState,
  ip: Ip,
  mac: Mac,
  now: Instant,
  actions: AddressProbeAction[],
): void {
  const probing = state.probing.get(ip);
  if (probing === undefined) return;
  // Both want it: ownership decides, not the network.
  if (state.fellows.has(mac)) return pass(state, ip, actions);
  if (probing.foreign !== undefined || probing.suspect !== undefined) return;
  probing.suspect = mac;
  probing.due = after(now, JUDGE_MS);
}

/** A host that is no fellow by now is a foreign one. */
function judge(
  state: AddressProbeState,
  ip: Ip,
  probing: Probing,
  mac: Mac,
  now: Instant,
  actions: AddressProbeAction[],
): void {
  probing.suspect = undefined;
  if (state.fellows.has(mac)) return pass(state, ip, actions);
  probing.foreign = mac;
  probing.due = after(now, RETRY_MS);
  actions.push({ kind: "conflict", ip, mac });
}

function advance(
  state: AddressProbeState,
  ip: Ip,
  probing: Probing,
  now: Instant,
  random: Random,
  actions: AddressProbeAction[],
): void {
  const { suspect } = probing;
  if (suspect !== undefined) return judge(state, ip, probing, suspect, now, actions);
  if (probing.foreign !== undefined) {
    probing.foreign = undefined;
    probing.sent = 0;
  }
  if (probing.sent === PROBES) return pass(state, ip, actions);
  probing.sent++;
  const waitMs = probing.sent === PROBES
    ? ANNOUNCE_WAIT_MS
    : PROBE_MIN_MS + (PROBE_MAX_MS - PROBE_MIN_MS) * random();
  probing.due = after(now, waitMs);
  actions.push({ kind: "probe", ip });
}

function pass(state: AddressProbeState, ip: Ip, actions: AddressProbeAction[]): void {
  state.probing.delete(ip);
  actions.push({ kind: "passed", ip });
}

/** Which address an ARP packet says to be its sender's, by answering, asking or probing for it. */
export function claimOfArp(packet: ArpPacket): { readonly ip: Ip; readonly mac: Mac } {
  const isProbe = packet.senderProtocolAddress === 0;
  const ip = isProbe ? packet.targetProtocolAddress : packet.senderProtocolAddress;
  return { ip, mac: packet.senderHardwareAddress };
}

/** The same of NDP: an advertisement, or a solicitation of a host that has no address yet. */
export function claimOfNdp(
  packet: NdpPacket,
): { readonly ip: Ip; readonly mac: Mac } | undefined {
  const claims = packet.kind === "advertisement" || packet.source === 0n;
  return claims ? { ip: packet.target, mac: packet.sourceMac } : undefined;
}
