import type { Config, LabelSelector, Pool } from "../../../lib/config/types.ts";
import type { ServiceFacts } from "../../../lib/model/facts.ts";
import { type Family, familyOf, type Ip } from "../../../lib/net/ip.ts";
import { isBuggy, nextIp } from "../../../lib/net/range.ts";

// The rules of allocation told as slowly and plainly as possible, to compare the controller with.

/** Addresses that a Service has, or that its status still shows, and the form it has them in. */
export interface Claim {
  readonly facts: ServiceFacts;
  readonly ips: readonly Ip[];
  /** When this leader gave them; undefined where the status had them already. */
  readonly given?: number;
}

export interface Model {
  config: Config;
  /** Labels of each namespace. */
  namespaces: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly held: Map<string, Claim>;
  /** Taken from a living Service whose status still shows it. */
  readonly givenUp: Map<string, readonly Claim[]>;
  /** Services of another class, as they were last planned. */
  readonly foreign: Map<string, ServiceFacts>;
  /** Of deleted Services, for one of the same name. */
  readonly kept: Map<string, { readonly ips: readonly Ip[]; readonly until: number }>;
}

/** The article's three conditions. */
export function mayShare(a: ServiceFacts, b: ServiceFacts): boolean {
  if (a.sharingKey === undefined || a.sharingKey !== b.sharingKey) return false;
  if (a.externalTrafficPolicy !== b.externalTrafficPolicy) return false;
  if (a.externalTrafficPolicy === "Local" && a.selector !== b.selector) return false;
  const ports = new Set(a.ports.map(({ protocol, port }) => `${protocol}${port}`));
  return !b.ports.some(({ protocol, port }) => ports.has(`${protocol}${port}`));
}

/** Another controller's to write. */
export function isForeign({ isLoadBalancer, loadBalancerClass }: ServiceFacts): boolean {
  return isLoadBalancer && loadBalancerClass !== undefined;
}

/** Rules A1, A2 and A13. */
export function isEligible(facts: ServiceFacts): boolean {
  return facts.isLoadBalancer && facts.loadBalancerClass === undefined &&
    facts.families.length > 0 && facts.ports.length > 0;
}

const listed = new WeakMap<Pool, readonly Ip[]>();

/** Every address that a pool can give, in the order in which it gives them. */
export function addressesOf(pool: Pool): readonly Ip[] {
  const known = listed.get(pool);
  if (known !== undefined) return known;
  const all: Ip[] = [];
  for (const { first, last } of pool.ranges) {
    for (let ip: Ip | undefined = first; ip !== undefined && ip <= last; ip = nextIp(ip)) {
      if (!(pool.avoidBuggyIps && isBuggy(ip))) all.push(ip);
    }
  }
  listed.set(pool, all);
  return all;
}

/** The one pool that gives all of these addresses; none gives nothing. */
export function homeOf(ips: readonly Ip[], config: Config): Pool | undefined {
  if (ips.length === 0) return undefined;
  return config.pools.find((pool) => ips.every((ip) => addressesOf(pool).includes(ip)));
}

/** The claims of others on an address. */
export function othersOn(model: Model, ip: Ip, key: string): Claim[] {
  const all = [...model.held.values(), ...[...model.givenUp.values()].flat()];
  return all.filter(({ facts, ips }) => facts.key !== key && ips.includes(ip));
}

/** Whether a Service may have this address beside those who have it, or wait for it. */
function fits(model: Model, facts: ServiceFacts, ip: Ip): boolean {
  const others = othersOn(model, ip, facts.key);
  if (others.length > 0) return others.every((other) => mayShare(facts, other.facts));
  // What it shows itself is not kept from it for one that is gone.
  const own = [model.held.get(facts.key), ...model.givenUp.get(facts.key) ?? []];
  if (own.some((claim) => claim?.ips.includes(ip))) return true;
  return [...model.kept].every(([key, { ips }]) => key === facts.key || !ips.includes(ip));
}

/** Whether these are what the Service's families ask for (rules A2 and A8). */
export function hasItsFamilies(facts: ServiceFacts, ips: readonly Ip[]): boolean {
  const counts = facts.families.map((family) => ips.filter((ip) => familyOf(ip) === family).length);
  if (counts.some((count) => count > 1) || counts.reduce((a, b) => a + b, 0) !== ips.length) {
    return false;
  }
  return counts.every((count) => count === 1) || (facts.prefersDualStack && ips.length > 0);
}

/** Whether the Service's own requests allow these addresses of this pool (rules A4 and A5). */
export function agreesWithRequests(
  { poolRequest, addressRequest }: ServiceFacts,
  ips: readonly Ip[],
  pool: Pool,
): boolean {
  if (poolRequest !== undefined && poolRequest !== pool.name) return false;
  if (addressRequest.kind !== "addresses") return true;
  const wanted = addressRequest.ips;
  return wanted.length === ips.length && wanted.every((ip) => ips.includes(ip));
}

/** Rule A3: what a Service may keep of what it has; undefined when nothing. */
export function keepable(
  model: Model,
  facts: ServiceFacts,
  present: readonly Ip[],
): readonly Ip[] | undefined {
  const ofFamilies = facts.families.map((of) => present.find((ip) => familyOf(ip) === of));
  const ips = present.filter((ip) => ofFamilies.includes(ip));
  const pool = homeOf(ips, model.config);
  if (!hasItsFamilies(facts, ips) || pool === undefined) return undefined;
  if (!ips.every((ip) => fits(model, facts, ip))) return undefined;
  return facts.deleting || agreesWithRequests(facts, ips, pool) ? ips : undefined;
}

function isSelected(
  selectors: readonly LabelSelector[],
  labels: ReadonlyMap<string, string> | undefined,
): boolean {
  return selectors.some(({ matchLabels }) =>
    [...matchLabels].every(([name, value]) => labels?.get(name) === value)
  );
}

/** Whether a pool's service-allocation is for this Service; the tests' selectors match labels. */
function servesIt({ serviceAllocation }: Pool, facts: ServiceFacts, model: Model): boolean {
  const { namespaces, namespaceSelectors, serviceSelectors } = serviceAllocation;
  const labels = new Map([
    ...model.namespaces.get(facts.namespace) ?? [],
    ["kubernetes.io/metadata.name", facts.namespace] as const,
  ]);
  const byNamespace = namespaces.length + namespaceSelectors.length === 0 ||
    namespaces.includes(facts.namespace) || isSelected(namespaceSelectors, labels);
  return byNamespace &&
    (serviceSelectors.length === 0 || isSelected(serviceSelectors, facts.labels));
}

/** Rule A7: pools for some Services, then by priority, 0 last, then as written. */
function turnOf({ serviceAllocation: of }: Pool): number {
  const forSome = of.namespaces.length + of.namespaceSelectors.length + of.serviceSelectors.length;
  return (forSome > 0 ? 0 : 1_000) + (of.priority === 0 ? 999 : of.priority);
}

function isReserved({ reserved }: Pool, ip: Ip): boolean {
  return reserved.some(({ first, last }) =>
    familyOf(first) === familyOf(ip) && first <= ip && ip <= last
  );
}

/** What the Service had until now, or before it was deleted. */
function earlier(model: Model, key: string): readonly Ip[] {
  return [
    ...(model.givenUp.get(key) ?? []).flatMap(({ ips }) => ips),
    ...model.kept.get(key)?.ips ?? [],
  ];
}

/** One address of the family from the pool; what the Service had comes first. */
function pick(model: Model, facts: ServiceFacts, pool: Pool, family: Family): Ip | undefined {
  const all = addressesOf(pool).filter((ip) => familyOf(ip) === family && fits(model, facts, ip));
  const had = earlier(model, facts.key).find((ip) => all.includes(ip));
  return had ?? all.find((ip) => !isReserved(pool, ip));
}

function pickAll(
  model: Model,
  facts: ServiceFacts,
  pool: Pool,
  families: readonly Family[],
): readonly Ip[] | undefined {
  const ips = families.map((family) => pick(model, facts, pool, family));
  return ips.every((ip) => ip !== undefined) ? ips : undefined;
}

/** Rules A4 to A10: the addresses that a Service without any shall get; undefined when none. */
export function firstFit(model: Model, facts: ServiceFacts): readonly Ip[] | undefined {
  const { addressRequest, families, poolRequest } = facts;
  const { pools } = model.config;
  if (addressRequest.kind === "invalid") return undefined;
  if (addressRequest.kind === "addresses") {
    const { ips } = addressRequest;
    const pool = homeOf(ips, model.config);
    const allowed = pool !== undefined && hasItsFamilies(facts, ips) &&
      (poolRequest === undefined || poolRequest === pool.name) && servesIt(pool, facts, model) &&
      ips.every((ip) => fits(model, facts, ip));
    return allowed ? ips : undefined;
  }
  const candidates = pools.filter((pool) =>
    (poolRequest === undefined ? pool.autoAssign : pool.name === poolRequest) &&
    servesIt(pool, facts, model)
  ).sort((a, b) => turnOf(a) - turnOf(b));
  const before = model.kept.get(facts.key)?.ips ?? [];
  const isHome = (pool: Pool) => before.some((ip) => addressesOf(pool).includes(ip));
  const inTurn = [...candidates.filter(isHome), ...candidates.filter((pool) => !isHome(pool))];
  const wishes = facts.prefersDualStack && families.length > 1
    ? [families, ...families.map((family) => [family])]
    : [families];
  for (const wish of wishes) {
    for (const pool of inTurn) {
      const ips = pickAll(model, facts, pool, wish);
      if (ips !== undefined) return ips;
    }
  }
  return undefined;
}

/** Rule A8: what a Service has with the second family that it prefers, if that can be had. */
export function completed(model: Model, facts: ServiceFacts, ips: readonly Ip[]): readonly Ip[] {
  const pool = homeOf(ips, model.config);
  const missing = facts.families.filter((family) => !ips.some((ip) => familyOf(ip) === family));
  if (missing.length === 0 || facts.deleting || facts.addressRequest.kind !== "none") return ips;
  const more = pool === undefined ? undefined : pickAll(model, facts, pool, missing);
  if (more === undefined) return ips;
  const all = [...ips, ...more];
  return facts.families.flatMap((family) => all.filter((ip) => familyOf(ip) === family));
}
