import type { Config } from "../../../lib/config/types.ts";
import type { ServiceFacts } from "../../../lib/model/facts.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import {
  addressesOf,
  agreesWithRequests,
  completed,
  firstFit,
  homeOf,
  isEligible,
  isForeign,
  keepable,
  mayShare,
  type Model,
  othersOn,
} from "./model.ts";

/** What the rules say of one Service. */
export type Verdict =
  /** No load balancer of ours, not ready, or being deleted. */
  | { readonly kind: "none" }
  | { readonly kind: "kept" | "assigned"; readonly ips: readonly Ip[] }
  | { readonly kind: "refused" };

/** A model in which nobody has anything. */
export function emptyModel(config: Config, namespaces: Model["namespaces"]): Model {
  const [held, givenUp, foreign, kept] = [new Map(), new Map(), new Map(), new Map()];
  return { config, namespaces, held, givenUp, foreign, kept };
}

/** Of two of one second the first by namespace and name. */
export function isBefore(a: ServiceFacts, b: ServiceFacts): boolean {
  return a.namespace < b.namespace || (a.namespace === b.namespace && a.name < b.name);
}

/** Rule A12: all that stands in a status is known first; of two that clash the older keeps it. */
export function learn(model: Model, services: Iterable<ServiceFacts>): void {
  const byAge = [...services].sort((a, b) =>
    a.createdMs - b.createdMs || (isBefore(a, b) ? -1 : 1)
  );
  for (const facts of byAge) {
    if (!isEligible(facts) || facts.assigned.length === 0) continue;
    // Its wishes are looked at when it is planned, together with where else it may go.
    const ips = keepable(model, { ...facts, deleting: true }, facts.assigned);
    if (ips !== undefined) model.held.set(facts.key, { facts, ips });
  }
  for (const facts of byAge) enterShown(model, facts);
}

/** What a status shows, and the Service does not have, nobody gets before it is gone from there. */
export function enterShown(model: Model, facts: ServiceFacts): void {
  const { assigned, isLoadBalancer, key } = facts;
  if (assigned.length === 0) return;
  const isKept = (ip: Ip) =>
    !model.foreign.has(key) &&
    [...model.kept].some(([name, { ips }]) => name !== key && ips.includes(ip));
  const rightly = (ip: Ip) =>
    [...model.held.values()].some((other) =>
      other.facts.key !== key && other.ips.includes(ip) && !mayShare(facts, other.facts)
    );
  const claims = [...model.givenUp.get(key) ?? [], ...optional(model.held.get(key))];
  const known = new Set(claims.flatMap(({ ips }) => ips));
  const ofPools = new Set(model.config.pools.flatMap(addressesOf));
  if (!isLoadBalancer && !assigned.every((ip) => ofPools.has(ip))) return;
  const ips = assigned.filter((ip) =>
    ofPools.has(ip) && !isKept(ip) && !rightly(ip) && !known.has(ip)
  );
  if (ips.length === 0) return;
  model.givenUp.set(key, [...model.givenUp.get(key) ?? [], { facts, ips }]);
}

function optional<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

/**
 * Before a batch is planned: of one of ours and one of another class that show one address the one
 * that got it later gives it up, unless that has stood for long.
 */
export function settleForeign(
  model: Model,
  view: ReadonlyMap<string, ServiceFacts>,
  now: number,
): void {
  for (const theirs of model.foreign.values()) {
    for (const { facts: { key, uid }, given, ips } of [...model.held.values()]) {
      const own = key === theirs.key ? undefined : view.get(key);
      const both = ips.filter((ip) => theirs.assigned.includes(ip) && own?.assigned.includes(ip));
      if (own === undefined || own.uid !== uid || own.deleting || both.length === 0) continue;
      if (mayShare(model.held.get(key)?.facts ?? own, theirs)) continue;
      const laterMs = (own.statusSinceMs ?? 0) - (theirs.statusSinceMs ?? 0);
      const isOlder = own.createdMs < theirs.createdMs ||
        (own.createdMs === theirs.createdMs && isBefore(own, theirs));
      if (laterMs < 0 || (laterMs === 0 && isOlder)) continue;
      const isRace = own.statusSinceMs !== undefined && laterMs <= LONG_MS;
      if (isRace || (given !== undefined && now < given + LONG_MS)) giveUp(model, key);
    }
    enterShown(model, theirs);
  }
}

const LONG_MS = 120_000;

/** What nobody of ours has any more is theirs who show it. */
function inherit(model: Model, from: string): void {
  const ofPools = new Set(model.config.pools.flatMap(addressesOf));
  const free = [...model.foreign.values()].filter(({ key }) => key !== from).map((facts) => ({
    facts,
    ips: facts.assigned.filter((ip) => ofPools.has(ip) && othersOn(model, ip, "").length === 0),
  }));
  for (const { facts, ips } of free) {
    if (ips.length === 0) continue;
    model.givenUp.set(facts.key, [...model.givenUp.get(facts.key) ?? [], { facts, ips }]);
  }
}

/** Follows the rules for one Service, and enters what it has then. */
export function decide(model: Model, facts: ServiceFacts, now: number): Verdict {
  const { key } = facts;
  const before = model.held.get(key) ?? model.givenUp.get(key)?.[0];
  if (isForeign(facts) || (before !== undefined && before.facts.uid !== facts.uid)) {
    goAway(model, key, now);
  }
  // What the status of another class shows is taken for as long as it shows it.
  if (isForeign(facts)) enterShown(model, facts);
  const verdict = isEligible(facts) ? decideEligible(model, facts, now) : undefined;
  if (verdict === undefined) giveUp(model, key);
  settleStatus(model, facts);
  return verdict ?? { kind: "none" };
}

function decideEligible(model: Model, facts: ServiceFacts, now: number): Verdict {
  const { key } = facts;
  const held = model.held.get(key);
  if (facts.deleting && held !== undefined) return { kind: "kept", ips: held.ips };
  const present = held?.ips ?? facts.assigned;
  const keeps = present.length === 0 ? undefined : keepable(model, facts, present);
  if (keeps !== undefined) {
    const ips = completed(model, facts, keeps);
    if (held?.ips.some((ip) => !ips.includes(ip))) giveUp(model, key);
    enter(model, facts, ips, now);
    return { kind: "kept", ips };
  }
  giveUp(model, key);
  if (facts.deleting) return { kind: "none" };
  const ips = firstFit(model, facts);
  if (ips === undefined) return { kind: "refused" };
  enter(model, facts, ips, now);
  return { kind: "assigned", ips };
}

function enter(model: Model, facts: ServiceFacts, ips: readonly Ip[], now: number): void {
  const before = model.held.get(facts.key);
  const isOld = ips.every((ip) => before?.ips.includes(ip));
  const isShown = ips.every((ip) => facts.assigned.includes(ip));
  const given = isOld ? before?.given : isShown ? undefined : now;
  model.held.set(facts.key, { facts, ips, given });
  model.kept.delete(facts.key);
}

function giveUp(model: Model, key: string): void {
  const claim = model.held.get(key);
  if (claim === undefined) return;
  model.held.delete(key);
  model.givenUp.set(key, [...model.givenUp.get(key) ?? [], claim]);
}

/** What a living Service lost is free when its status shows what it has now. */
function settleStatus(model: Model, { key, assigned, hasIngress }: ServiceFacts): void {
  const wanted = model.held.get(key)?.ips ?? [];
  const shows = wanted.length === 0 ? !hasIngress : wanted.join() === assigned.join();
  if (!shows) return;
  model.givenUp.delete(key);
  inherit(model, key);
}

/** A Service is gone: what it had is free, or is kept for its name while the pool says so. */
export function goAway(model: Model, key: string, now: number): void {
  const claim = model.held.get(key);
  model.held.delete(key);
  model.givenUp.delete(key);
  inherit(model, key);
  const stickyMs = claim && homeOf(claim.ips, model.config)?.stickyMs;
  if (claim === undefined || !stickyMs) return;
  const isKept = (ip: Ip) => [...model.kept.values()].some(({ ips }) => ips.includes(ip));
  const ips = claim.ips.filter((ip) => othersOn(model, ip, key).length === 0 && !isKept(ip));
  if (ips.length > 0) model.kept.set(key, { ips, until: now + stickyMs });
}

/** What nobody came back for is free. */
export function expire(model: Model, now: number): void {
  for (const [key, { until }] of [...model.kept]) if (until <= now) model.kept.delete(key);
}

/** The Services that a configuration would take an address from: it is refused for them. */
export function losersOf(model: Model, next: Config): Set<string> {
  const losers = [...model.held.values()].filter(({ facts, ips }) => {
    const pool = homeOf(ips, next);
    const request = { ...facts, addressRequest: { kind: "none" } } as const;
    return pool === undefined || !agreesWithRequests(request, ips, pool);
  });
  return new Set(losers.map(({ facts }) => facts.key));
}

/** Another configuration: what its pools do not give, or keep for no one, waits no longer. */
export function configure(model: Model, next: Config): void {
  model.config = next;
  for (const [key, { ips }] of [...model.kept]) {
    const home = next.pools.find((pool) => ips.every((ip) => addressesOf(pool).includes(ip)));
    if (home === undefined || home.stickyMs === 0) model.kept.delete(key);
  }
}
