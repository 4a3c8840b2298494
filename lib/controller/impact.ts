import type { Instant } from "../base/time.ts";
import { protocolsByPool } from "../config/advertised.ts";
import type { PoolConflict } from "../config/taken.ts";
import type { Config } from "../config/types.ts";
import type { ServiceFacts, ServiceKey } from "../model/facts.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import { type AddressBook, type Holding, sameIps } from "./allocations.ts";
import { planBatch } from "./batch.ts";
import { isOurClass } from "../model/service_class.ts";
import type { PlanContext } from "./plan.ts";
import { checkGiven, checkReconfiguration, reconfigure } from "./reconfigure.ts";
import { restore } from "./restore.ts";
import { poolUsage } from "./usage.ts";

/** Addresses of one Service and the pool that gives them; the pool is unknown without a configuration. */
export interface Place {
  readonly ips: readonly string[];
  readonly pool?: string;
}

/** What a new configuration would do to the Services, before anyone applies it. */
export interface Impact {
  /** A controller refuses it: it would take addresses from live Services. */
  readonly refused: boolean;
  /** `ips` of `before` are those that the Service would lose. */
  readonly lost: readonly {
    readonly service: ServiceKey;
    readonly before: Place;
    readonly why: string;
    /** What it would get instead; undefined when it would have none. */
    readonly instead?: Place;
  }[];
  /** The addresses stay, another pool gives them. */
  readonly moved: readonly {
    readonly service: ServiceKey;
    readonly before: Place;
    readonly after: Place;
  }[];
  /** Services that wait for an address now, and would get one. */
  readonly gained: readonly { readonly service: ServiceKey; readonly after: Place }[];
  /** Services that want an address and would have none. */
  readonly without: readonly { readonly service: ServiceKey; readonly why: string }[];
  readonly pools: readonly PoolImpact[];
}

/** How full a pool is, before and after; one that goes or comes has one side only. */
export interface PoolImpact {
  readonly name: string;
  readonly before?: PoolCount;
  readonly after?: PoolCount;
}

interface PoolCount {
  readonly protocol: string;
  /** Decimal text, for an IPv6 pool outgrows numbers. */
  readonly addresses: string;
  readonly inUse: number;
  readonly services: number;
}

interface ImpactInput {
  /** Undefined when none is in force: then what the statuses show is the present. */
  readonly before: Config | undefined;
  readonly after: Config;
  readonly services: Iterable<ServiceFacts>;
  readonly lbClass: string | undefined;
  readonly now: Instant;
}

/** Services that write and are planned again; more rounds than any chain of waiting ones takes. */
const MAX_ROUNDS = 1_000;

/**
 * Forecasts a change of configuration by the same plans that the controller makes: first all that
 * the present one still has to do, then the change. Nothing is written.
 */
export function forecast({ before, after, services, lbClass, now }: ImpactInput): Impact {
  const given = [...services];
  const world = new Map(given.map((facts) => [facts.key, facts]));
  const context: PlanContext = { lbClass, now };
  const book = restore(world.values(), before ?? after, lbClass);
  if (before !== undefined) settle(world, book, context);
  const present = before === undefined ? shown(world, lbClass) : held(book);
  const poolsBefore = before === undefined
    ? new Map<string, PoolCount>()
    : countPools(book, before);
  const conflicts = before === undefined
    ? checkGiven(given, after, lbClass)
    : checkReconfiguration(book, after);
  if (before !== undefined) reconfigure(book, after);
  const outcome = settle(world, book, context);
  const next = held(book);
  return {
    refused: conflicts.length > 0,
    lost: lostPlaces(present, next, conflicts, outcome.losses),
    ...placesKept(present, next),
    without: [...outcome.refusals].map(([service, why]) => ({ service, why })).sort(byService),
    pools: poolImpacts(poolsBefore, countPools(book, after)),
  };
}

interface Outcome {
  /** Why a Service lost what it had. */
  readonly losses: ReadonlyMap<ServiceKey, string>;
  /** Why a Service has nothing in the end. */
  readonly refusals: ReadonlyMap<ServiceKey, string>;
}

/** Plans all Services until no status would be written any more, as if each write had landed. */
function settle(
  world: Map<ServiceKey, ServiceFacts>,
  book: AddressBook,
  context: PlanContext,
): Outcome {
  const losses = new Map<ServiceKey, string>();
  const refusals = new Map<ServiceKey, string>();
  let keys = [...world.keys()];
  for (let round = 0; keys.length > 0 && round < MAX_ROUNDS; round++) {
    const plans = planBatch(keys, world, book, context);
    keys = [];
    for (const { service, decision, actions } of plans) {
      const lost = "lost" in decision ? decision.lost : undefined;
      if (lost !== undefined && !losses.has(service)) losses.set(service, lost.why);
      if (decision.kind === "refused") refusals.set(service, decision.refusal.message);
      else refusals.delete(service);
      const facts = world.get(service);
      for (const action of actions) {
        if (action.kind !== "writeStatus" || facts === undefined) continue;
        const { ips: assigned, pool: allocatedFrom } = action;
        const hasIngress = assigned.length > 0;
        world.set(service, { ...facts, assigned, allocatedFrom, hasIngress });
        keys.push(service);
      }
    }
  }
  return { losses, refusals };
}

interface Held {
  readonly ips: readonly Ip[];
  readonly pool: string | undefined;
}

function held(book: AddressBook): ReadonlyMap<ServiceKey, Held> {
  return new Map([...book.holdings].map(([key, { ips, pool }]: [ServiceKey, Holding]) => [
    key,
    { ips, pool },
  ]));
}

function shown(
  world: ReadonlyMap<ServiceKey, ServiceFacts>,
  lbClass: string | undefined,
): ReadonlyMap<ServiceKey, Held> {
  return new Map(
    [...world.values()].filter((facts) =>
      facts.isLoadBalancer && isOurClass(facts, lbClass) && facts.assigned.length > 0
    ).map((facts) => [facts.key, { ips: facts.assigned, pool: undefined }]),
  );
}

function lostPlaces(
  present: ReadonlyMap<ServiceKey, Held>,
  next: ReadonlyMap<ServiceKey, Held>,
  conflicts: readonly PoolConflict[],
  losses: ReadonlyMap<ServiceKey, string>,
): Impact["lost"] {
  const reasons = new Map<ServiceKey, string>();
  for (const { service, why } of conflicts) if (!reasons.has(service)) reasons.set(service, why);
  return [...present].flatMap(([service, { ips, pool }]) => {
    const after = next.get(service);
    const gone = ips.filter((ip) => after?.ips.includes(ip) !== true);
    const why = reasons.get(service) ?? losses.get(service);
    // An address moved to the end of the list is not lost.
    if (gone.length === 0) return [];
    const instead = after === undefined ? undefined : placeOf(after);
    return [{
      service,
      before: placeOf({ ips: gone, pool }),
      why: why ?? "the Service gives it up",
      instead,
    }];
  }).sort(byService);
}

function placesKept(
  present: ReadonlyMap<ServiceKey, Held>,
  next: ReadonlyMap<ServiceKey, Held>,
): Pick<Impact, "moved" | "gained"> {
  const moved = [...next].flatMap(([service, after]) => {
    const before = present.get(service);
    if (before?.pool === undefined || before.pool === after.pool) return [];
    if (!sameIps(before.ips, after.ips)) return [];
    return [{ service, before: placeOf(before), after: placeOf(after) }];
  });
  const gained = [...next].filter(([service]) => !present.has(service))
    .map(([service, after]) => ({ service, after: placeOf(after) }));
  return { moved: moved.sort(byService), gained: gained.sort(byService) };
}

function placeOf({ ips, pool }: Held): Place {
  return { ips: ips.map(formatIp), pool };
}

function byService(a: { readonly service: string }, b: { readonly service: string }): number {
  return a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
}

function countPools(book: AddressBook, config: Config): ReadonlyMap<string, PoolCount> {
  const protocols = protocolsByPool(config);
  return new Map(
    poolUsage(book).map(({ pool, addresses, inUse, services }) => [pool, {
      protocol: protocols.get(pool) ?? "",
      addresses: String(addresses),
      inUse,
      services,
    }]),
  );
}

/** In the order of the new configuration, then those that go. */
function poolImpacts(
  before: ReadonlyMap<string, PoolCount>,
  after: ReadonlyMap<string, PoolCount>,
): PoolImpact[] {
  const names = [...after.keys(), ...[...before.keys()].filter((name) => !after.has(name))];
  return names.map((name) => ({ name, before: before.get(name), after: after.get(name) }));
}
