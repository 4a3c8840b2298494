import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";
import { LINGER_MS } from "./ownership.ts";
import type { Unclaimedness } from "./view.ts";

/** A fellow that owns an address claims it within this time, or does not think it its own. */
export const CLAIM_MS: Millis = 5_000;
/** Of several to which an address is left one begins; the next so much later, if that one does not. */
const TURN_MS: Millis = 200;

/** Whom this node elects for an address. */
interface Elected {
  readonly owner: string;
  /** Since when nobody has claimed it. */
  readonly since: Instant;
  /** When the others were last told that this node leaves it to another. */
  toldAt: Instant;
}

/**
 * What this node elects others for, and what these claim. Each Herald speaker tells all others what
 * it claims, and what it leaves to another that does not claim it: an address which two give to each
 * other is seen, and goes to the next. The functions below alone touch it.
 */
export interface Unclaimed {
  readonly elected: Map<Ip, string>;
  readonly claimants: Map<Ip, string>;
  /** Who claimed it until lately, and may answer until another does; the oldest first. */
  readonly leaving: Map<Ip, { readonly from: string; readonly since: Instant }>;
  /** Elected and not claimed, the oldest first. */
  readonly missing: Map<Ip, Elected>;
  /** Fellows that do not want an address which nobody claims. */
  readonly leftBy: Map<Ip, Set<string>>;
  /** What this node answered for when its view became stale; undefined: it is not. */
  kept: Set<Ip> | undefined;
  /** What it may answer for, though it elects others: by whom it is left. */
  readonly nobodys: Map<Ip, ReadonlySet<string>>;
}

/** Begins with nothing elected, and nothing claimed. */
export function createUnclaimed(): Unclaimed {
  return {
    elected: new Map(),
    claimants: new Map(),
    leaving: new Map(),
    missing: new Map(),
    leftBy: new Map(),
    kept: undefined,
    nobodys: new Map(),
  };
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
  if (owner === undefined) {
    state.leftBy.delete(ip);
    return void state.elected.delete(ip);
  }
  state.elected.set(ip, owner);
  if (!state.claimants.has(ip)) miss(state, ip, owner, now);
}

function miss({ missing }: Unclaimed, ip: Ip, owner: string, since: Instant): void {
  missing.set(ip, { owner, since, toldAt: instant(-Infinity) });
}

/** Nobody is to answer for the address. */
export function onOwnerless({ kept, nobodys }: Unclaimed, ip: Ip): void {
  kept?.delete(ip);
  nobodys.delete(ip);
}

/** A fellow claims these. */
export function onClaimed(
  { claimants, kept, leaving, leftBy, missing, nobodys }: Unclaimed,
  from: string,
  ips: readonly Ip[],
): void {
  for (const ip of ips) {
    claimants.set(ip, from);
    for (const all of [leaving, leftBy, missing, nobodys]) all.delete(ip);
    kept?.delete(ip);
  }
}

/** A fellow claims these no more, or never did and leaves them to another. */
export function onReleased(
  state: Unclaimed,
  from: string,
  ips: readonly Ip[],
  now: Instant,
): void {
  const { claimants, leaving, leftBy, missing } = state;
  for (const [ip, { since }] of leaving) {
    if (now < after(since, LINGER_MS)) break;
    leaving.delete(ip);
  }
  for (const ip of ips) {
    if (claimants.get(ip) === from) {
      release(state, ip, now);
      leaving.delete(ip);
      leaving.set(ip, { from, since: now });
    }
    if (missing.has(ip)) leftBy.set(ip, (leftBy.get(ip) ?? new Set()).add(from));
  }
}

/** Those that are heard; what others claimed is claimed no more. */
export function onHeard(state: Unclaimed, heard: ReadonlySet<string>, now: Instant): void {
  for (const [ip, from] of [...state.claimants]) if (!heard.has(from)) release(state, ip, now);
}

function release(state: Unclaimed, ip: Ip, now: Instant): void {
  state.claimants.delete(ip);
  const owner = state.elected.get(ip);
  if (owner !== undefined) miss(state, ip, owner, now);
}

/** The fellow that answers for it, as the claims tell; else the one elected, where it would not tell. */
export function answeredBy(
  { claimants, leaving }: Unclaimed,
  ip: Ip,
  elected: string | undefined,
  heard: ReadonlySet<string>,
  now: Instant,
): string | undefined {
  const one = claimants.get(ip);
  if (one !== undefined) return one;
  const last = leaving.get(ip);
  if (last !== undefined && heard.has(last.from) && now < after(last.since, LINGER_MS)) {
    return last.from;
  }
  return elected !== undefined && heard.has(elected) ? undefined : elected;
}

/** For so long that nobody will: the oldest first. Only those that are heard claim: of MetalLB's nothing can be said. */
function* overdue(
  { missing }: Unclaimed,
  heard: ReadonlySet<string>,
  now: Instant,
): Generator<readonly [Ip, Elected]> {
  for (const one of missing) {
    const [, { owner, since }] = one;
    if (now < after(since, CLAIM_MS)) return; // the others are younger
    if (heard.has(owner)) yield one;
  }
}

/** The addresses that this node gives to a fellow and that nobody claims, by the fellow. */
export function unclaimed(
  state: Unclaimed,
  heard: ReadonlySet<string>,
  now: Instant,
): Map<string, Ip[]> {
  const found = new Map<string, Ip[]>();
  for (const [ip, { owner }] of overdue(state, heard, now)) {
    const ips = found.get(owner);
    if (ips === undefined) found.set(owner, [ip]);
    else ips.push(ip);
  }
  return found;
}

/** What the others are to be told now: that this node does not want it, and the one it elects does not claim it. */
export function leftToOthers(
  state: Unclaimed,
  heard: ReadonlySet<string>,
  now: Instant,
): readonly Ip[] {
  const ips: Ip[] = [];
  for (const [ip, one] of overdue(state, heard, now)) {
    if (now < after(one.toldAt, CLAIM_MS)) continue;
    one.toldAt = now;
    ips.push(ip);
  }
  return ips;
}

/**
 * The addresses that this node may answer for until a fellow claims them: where its view is stale, all
 * that it answered for when it became so; and what those that do not want it leave to others, with
 * the one that this node elects among them. Views may differ, and somebody must answer.
 */
export function nobodys(
  state: Unclaimed,
  self: { readonly name: string; readonly isStale: boolean; readonly own: readonly Ip[] },
  heard: ReadonlySet<string>,
  now: Instant,
): ReadonlyMap<Ip, Unclaimedness> {
  state.kept = self.isStale ? state.kept ?? new Set(self.own) : undefined;
  for (const [ip, one] of overdue(state, heard, now)) {
    const by = state.leftBy.get(ip);
    if (by?.has(one.owner) && now >= turnOf(one, self.name, by)) state.nobodys.set(ip, new Set(by));
  }
  const found = new Map<Ip, Unclaimedness>(state.nobodys);
  const kept = found.size === 0 ? [] : self.own.filter((ip) => found.has(ip));
  for (const ip of [...kept, ...state.kept ?? []]) found.set(ip, "kept");
  return found;
}

/** By name, so that it is the same for all: by their rules they may each be the next. */
function turnOf({ since }: Elected, self: string, leftBy: ReadonlySet<string>): Instant {
  const before = [...leftBy].filter((name) => name < self).length;
  return after(since, CLAIM_MS + TURN_MS * (1 + before));
}

/** When {@link unclaimed}, {@link leftToOthers} or {@link nobodys} may give more; undefined: not by itself. */
export function nextUnclaimed(
  state: Unclaimed,
  self: string,
  heard: ReadonlySet<string>,
  now: Instant,
): Instant | undefined {
  let earliest = Infinity;
  for (const { since } of state.missing.values()) {
    const due = after(since, CLAIM_MS);
    if (due <= now) continue;
    earliest = due;
    break;
  }
  for (const [ip, one] of overdue(state, heard, now)) {
    const by = state.leftBy.get(ip);
    const known = state.nobodys.get(ip)?.size ?? 0;
    if (by?.has(one.owner) && known < by.size) earliest = Math.min(earliest, turnOf(one, self, by));
    earliest = Math.min(earliest, after(one.toldAt, CLAIM_MS));
  }
  return earliest === Infinity ? undefined : instant(Math.max(earliest, after(now, 1)));
}

/** Whether two answers of {@link nobodys} say the same: what is left by more says more. */
export function sameNobodys(
  one: ReadonlyMap<Ip, Unclaimedness>,
  other: ReadonlyMap<Ip, Unclaimedness>,
): boolean {
  const sizeOf = (how: Unclaimedness | undefined) => how === "kept" ? 0 : how?.size;
  return one.size === other.size &&
    [...one].every(([ip, how]) => sizeOf(how) === sizeOf(other.get(ip)));
}
