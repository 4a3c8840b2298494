import { after, type Instant, instant, type Millis } from "../base/time.ts";
import { isMapped, parseIp } from "../net/ip.ts";

export interface AdmissionLimits {
  readonly connections: number;
  /** From one IPv4 address, or one /64 of IPv6, of which a host may have them all. */
  readonly perSource: number;
  /** From its arrival to the end of its first request's head, with the handshake of TLS. */
  readonly openingMs: Millis;
  /** Between two requests of one connection. */
  readonly idleMs: Millis;
  /** From the first byte of a further request to the end of its head. */
  readonly readingMs: Millis;
  /** For an answer, until the last byte of it is taken. */
  readonly answeringMs: Millis;
  /** An answer that is not taken for so long gives its place to who comes. */
  readonly patienceMs: Millis;
}

/** Fit for a few Prometheuses, the kubelet, and forty people who look at the page at once. */
export const ADMISSION_LIMITS: AdmissionLimits = {
  connections: 64,
  perSource: 48,
  openingMs: 5_000,
  idleMs: 75_000,
  readingMs: 5_000,
  answeringMs: 10_000,
  patienceMs: 1_000,
};

type Phase = "opening" | "idle" | "reading" | "answering";

interface Guest {
  readonly source: string;
  phase: Phase;
  since: Instant;
  until: Instant;
}

/** The connections of one listener, by their numbers. Updated in place. */
export interface Admission {
  readonly limits: AdmissionLimits;
  readonly guests: Map<number, Guest>;
  /** Connections of each source that were given up, but stay open until the other side goes. */
  readonly stuck: Map<string, number>;
}

export function createAdmission(limits: AdmissionLimits = ADMISSION_LIMITS): Admission {
  return { limits, guests: new Map(), stuck: new Map() };
}

/**
 * Takes a new connection in. Where there is no place, who waits longest without having asked gives
 * his: whoever holds connections open only to hold them keeps nobody out. `refused` when all are
 * being answered, and to a source that lets so many answers lie as it may have connections.
 */
export function admit(
  { guests, limits, stuck }: Admission,
  id: number,
  address: string,
  now: Instant,
): { readonly kind: "admitted"; readonly instead?: number } | { readonly kind: "refused" } {
  const source = sourceOf(address);
  if ((stuck.get(source) ?? 0) >= limits.perSource) return { kind: "refused" };
  const fellows = [...guests].filter(([, guest]) => guest.source === source);
  const crowd = fellows.length >= limits.perSource
    ? fellows
    : guests.size >= limits.connections
    ? [...guests]
    : undefined;
  const instead = crowd && mostPatient(crowd, limits, now);
  if (crowd !== undefined && instead === undefined) return { kind: "refused" };
  if (instead !== undefined) guests.delete(instead);
  const until = after(now, limits.openingMs);
  guests.set(id, { source, phase: "opening", since: now, until });
  return { kind: "admitted", instead };
}

/** A connection goes on to something else; its time begins anew. */
export function enter({ guests, limits }: Admission, id: number, phase: Phase, now: Instant): void {
  const guest = guests.get(id);
  // Each request's head has one time, however many bytes it comes in.
  if (guest === undefined || (phase === "reading" && guest.phase !== "idle")) return;
  guest.phase = phase;
  guest.since = now;
  guest.until = after(now, limits[`${phase}Ms`]);
}

export function leave({ guests }: Admission, id: number): void {
  guests.delete(id);
}

/** A connection was given up, but cannot be closed before the other side takes what was written. */
export function stick({ stuck }: Admission, address: string): void {
  const source = sourceOf(address);
  stuck.set(source, (stuck.get(source) ?? 0) + 1);
}

/** One of those is closed. */
export function unstick({ stuck }: Admission, address: string): void {
  const source = sourceOf(address);
  const left = (stuck.get(source) ?? 0) - 1;
  if (left > 0) stuck.set(source, left);
  else stuck.delete(source);
}

/** Those whose time is over. */
export function overdue({ guests }: Admission, now: Instant): number[] {
  return [...guests].filter(([, { until }]) => until <= now).map(([id]) => id);
}

/** No more requests are taken: gives those that have none, and hurries the others. */
export function closeAdmission({ guests, limits }: Admission, now: Instant): number[] {
  for (const guest of guests.values()) {
    guest.until = instant(Math.min(guest.until, now + limits.patienceMs));
  }
  return [...guests].filter(([, { phase }]) => phase !== "answering").map(([id]) => id);
}

/** Idle ones first, then those that have not asked to the end, then answers that nobody takes. */
function mostPatient(
  crowd: readonly (readonly [number, Guest])[],
  { patienceMs }: AdmissionLimits,
  now: Instant,
): number | undefined {
  const rank = ({ phase, since }: Guest) =>
    phase === "idle" ? 0 : phase !== "answering" ? 1 : now - since >= patienceMs ? 2 : 3;
  const ranked = crowd.map(([id, guest]) => ({ id, rank: rank(guest), since: guest.since }))
    .filter(({ rank }) => rank < 3)
    .sort((a, b) => a.rank - b.rank || a.since - b.since || a.id - b.id);
  return ranked[0]?.id;
}

/** An IPv4 address, also one in IPv6's clothes, or the /64 of an IPv6 address. */
function sourceOf(address: string): string {
  const ip = parseIp(address);
  if (typeof ip !== "bigint") return String(ip ?? address);
  return isMapped(ip) ? String(ip & 0xffff_ffffn) : `${(ip >> 64n).toString(16)}/64`;
}
