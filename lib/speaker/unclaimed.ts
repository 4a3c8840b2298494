import { after, type Instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";

/** A fellow that owns an address claims it within this time, or does not think it its own. */
export const CLAIM_MS: Millis = 5_000;

/** Whom this node elects for an address. */
interface Elected {
  readonly owner: string;
  /** Since when nobody has claimed it. */
  readonly since: Instant;
}

/**
 * What this node elects others for, and what these claim. Each Herald speaker tells all others what
 * it claims, so that an address which two give to each other is seen; the functions below alone
 * touch it.
 */
export interface Unclaimed {
  readonly elected: Map<Ip, string>;
  readonly claimants: Map<Ip, string>;
  /** Elected and not claimed, the oldest first. */
  readonly missing: Map<Ip, Elected>;
  /** Not claimed while this node's view was stale, and not since. */
  readonly nobodys: Set<Ip>;
}

/** Begins with nothing elected, and nothing claimed. */
export function createUnclaimed(): Unclaimed {
  return { elected: new Map(), claimants: new Map(), missing: new Map(), nobodys: new Set() };
}

/** This node elects another for the address; undefined: itself, or nobody. */
export function onElected(
  state: Unclaimed,
  ip: Ip,
  owner: string | undefined,
  now: Instant,
): void {
  if (state.elected.get(ip) === owner) return;
  state.missing.delete(ip);
  if (owner === undefined) return void state.elected.delete(ip);
  state.elected.set(ip, owner);
  if (!state.claimants.has(ip)) state.missing.set(ip, { owner, since: now });
}

/** A fellow claims these. */
export function onClaimed(
  { claimants, missing, nobodys }: Unclaimed,
  from: string,
  ips: readonly Ip[],
): void {
  for (const ip of ips) {
    nobodys.delete(ip);
    claimants.set(ip, from);
    missing.delete(ip);
  }
}

/** A fellow claims these no more. */
export function onReleased(
  state: Unclaimed,
  from: string,
  ips: readonly Ip[],
  now: Instant,
): void {
  for (const ip of ips) if (state.claimants.get(ip) === from) release(state, ip, now);
}

/** Those that are heard; what others claimed is claimed no more. */
export function onHeard(state: Unclaimed, heard: ReadonlySet<string>, now: Instant): void {
  for (const [ip, from] of [...state.claimants]) if (!heard.has(from)) release(state, ip, now);
}

function release({ claimants, elected, missing }: Unclaimed, ip: Ip, now: Instant): void {
  claimants.delete(ip);
  const owner = elected.get(ip);
  if (owner !== undefined) missing.set(ip, { owner, since: now });
}

/**
 * The addresses that this node gives to a fellow and that nobody claims, by the fellow. Only those
 * that are heard claim: of MetalLB's speakers nothing can be said.
 */
export function unclaimed(
  { missing }: Unclaimed,
  heard: ReadonlySet<string>,
  now: Instant,
): Map<string, Ip[]> {
  const found = new Map<string, Ip[]>();
  for (const [ip, { owner, since }] of missing) {
    if (now < after(since, CLAIM_MS)) break; // the others are younger
    if (!heard.has(owner)) continue;
    const ips = found.get(owner);
    if (ips === undefined) found.set(owner, [ip]);
    else ips.push(ip);
  }
  return found;
}

/**
 * The addresses that this node, whose view is stale, leaves to fellows none of which claims them: it
 * may answer for these until one does. None where its view is not stale.
 */
export function nobodys(
  state: Unclaimed,
  isStale: boolean,
  heard: ReadonlySet<string>,
  now: Instant,
): ReadonlySet<Ip> {
  if (!isStale) state.nobodys.clear();
  else {
    for (const ips of unclaimed(state, heard, now).values()) {
      for (const ip of ips) state.nobodys.add(ip);
    }
  }
  return new Set(state.nobodys);
}

/** When {@link unclaimed} may give more; undefined: not by itself. */
export function nextUnclaimed({ missing }: Unclaimed, now: Instant): Instant | undefined {
  for (const { since } of missing.values()) {
    const due = after(since, CLAIM_MS);
    if (due > now) return due;
  }
  return undefined;
}
