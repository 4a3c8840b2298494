import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import {
  type Advertisement,
  type Config,
  EMPTY_CONFIG,
  FOR_ALL,
  type Pool,
} from "../../lib/config/types.ts";
import type { AddressBook } from "../../lib/controller/allocations.ts";
import { planBatch } from "../../lib/controller/batch.ts";
import type { ControllerAction } from "../../lib/controller/actions.ts";
import type { PlanContext, ServicePlan } from "../../lib/controller/plan.ts";
import { restore } from "../../lib/controller/restore.ts";
import { type ServiceFacts, serviceKey } from "../../lib/model/facts.ts";
import { formatIp, type Ip, parseIp } from "../../lib/net/ip.ts";
import { lastIp, parsePrefix } from "../../lib/net/prefix.ts";
import type { AddressRange } from "../../lib/net/range.ts";

export function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

export function ips(...texts: string[]): Ip[] {
  return texts.map(ip);
}

/** A range of `first-last`, a prefix, or one address. */
export function range(text: string): AddressRange {
  if (text.includes("/")) {
    const parsed = parsePrefix(text);
    assert.ok(typeof parsed !== "string", text);
    return { first: parsed.prefix.address, last: lastIp(parsed.prefix), text };
  }
  const [first = "", last = first] = text.split("-");
  return { first: ip(first), last: ip(last), text };
}

export function pool(
  name: string,
  ranges: string | readonly string[],
  options: Partial<Omit<Pool, "name" | "ranges">> = {},
): Pool {
  return {
    name,
    labels: new Map(),
    ranges: (typeof ranges === "string" ? [ranges] : ranges).map(range),
    avoidBuggyIps: false,
    autoAssign: true,
    reserved: [],
    stickyMs: 0,
    serviceAllocation: FOR_ALL,
    ...options,
  };
}

/** Pools of layer 2. */
export function config(...pools: Pool[]): Config {
  const layer2 = pools.map(({ name }) => ({ ...selecting(name), interfaces: [] }));
  return { ...EMPTY_CONFIG, pools, layer2 };
}

/** The same with more pools, which BGP announces. */
export function withBgp(of: Config, ...pools: Pool[]): Config {
  const bgp = pools.map(({ name }) => ({ ...PLAIN_ROUTE, ...selecting(name) }));
  return { ...of, pools: [...of.pools, ...pools], bgp: [...of.bgp, ...bgp] };
}

/** What selects one pool alone. */
export function selecting(pool: string): Advertisement {
  return { pools: [pool], poolSelectors: [], nodeSelectors: [], serviceSelectors: [] };
}

const PLAIN_ROUTE = {
  peers: [],
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: 0,
  communities: [],
  largeCommunities: [],
};

/** One pool `main` of nine addresses. */
export const ONE = config(pool("main", "10.0.0.1-10.0.0.9"));
/** One pool `tiny` of one address. */
export const TINY = config(pool("tiny", "10.0.0.1"));

/** A Service `default/NAME` of one IPv4 family with port 80/TCP, unless told otherwise. */
export function service(name: string, part: Partial<ServiceFacts> = {}): ServiceFacts {
  const assigned = part.assigned ?? [];
  return {
    key: serviceKey("default", name),
    namespace: "default",
    name,
    uid: `uid-${name}`,
    resourceVersion: "1",
    createdMs: 0,
    deleting: false,
    isLoadBalancer: true,
    loadBalancerClass: undefined,
    families: [4],
    isHeadless: false,
    prefersDualStack: false,
    ports: [{ protocol: "TCP", port: 80 }],
    externalTrafficPolicy: "Cluster",
    selector: `[["app","${name}"]]`,
    labels: new Map(),
    sharingKey: undefined,
    poolRequest: undefined,
    addressRequest: { kind: "none" },
    assigned,
    allocatedFrom: undefined,
    hasIngress: assigned.length > 0,
    warnings: [],
    ...part,
  };
}

export function requests(...texts: string[]): Pick<ServiceFacts, "addressRequest"> {
  return { addressRequest: { kind: "addresses", ips: ips(...texts) } };
}

export function context(part: { lbClass?: string; nowMs?: number } = {}): PlanContext {
  return { lbClass: part.lbClass, now: instant(part.nowMs ?? 0) };
}

/** The actions in short: `write web 10.0.0.1` and `event web Reason: message`. */
export function brief(plans: readonly ServicePlan[] | ServicePlan): string[] {
  return [plans].flat().flatMap((plan) => plan.actions.map(briefAction));
}

function briefAction(action: ControllerAction): string {
  const name = action.service.name;
  return action.kind === "writeStatus"
    ? ["write", name, ...action.ips.map(formatIp)].join(" ")
    : `event ${name} ${action.reason}: ${action.message}`;
}

export function eventReasons(plans: readonly ServicePlan[]): string[] {
  return plans.flatMap((plan) => plan.actions).flatMap((action) =>
    action.kind === "event" ? [action.reason] : []
  );
}

/** Services, the book, and an API server that takes every write at once. */
export interface World {
  readonly services: Map<string, ServiceFacts>;
  book: AddressBook;
  config: Config;
  context: PlanContext;
  writes: number;
  /** Called when a write has landed; writes of one batch land in the reverse of their order. */
  onWrite?: () => void;
}

export function world(inForce: Config, ...services: ServiceFacts[]): World {
  const known = new Map<string, ServiceFacts>(services.map((facts) => [facts.key, facts]));
  const book = restore(known.values(), inForce, undefined);
  return { services: known, book, config: inForce, context: context(), writes: 0 };
}

/** Creates or edits a Service; its status stays as it is, unless the part names it. */
export function put(at: World, name: string, part: Partial<ServiceFacts> = {}): ServicePlan[] {
  return putAll(at, [{ name, part }]);
}

/** The same for several Services in one batch. */
export function putAll(
  at: World,
  edits: readonly { readonly name: string; readonly part: Partial<ServiceFacts> }[],
): ServicePlan[] {
  const keys = edits.map(({ name, part }) => {
    const before = at.services.get(serviceKey("default", name));
    const facts = before === undefined ? service(name, part) : { ...before, ...part };
    at.services.set(facts.key, facts);
    return facts.key;
  });
  return settle(at, keys);
}

export function remove(at: World, name: string): ServicePlan[] {
  const key = serviceKey("default", name);
  at.services.delete(key);
  return settle(at, [key]);
}

export function settleAll(at: World): ServicePlan[] {
  return settle(at, [...at.services.keys()]);
}

/** Plans these Services, writes their statuses, and plans again on what the watch brings back. */
function settle(at: World, keys: readonly string[]): ServicePlan[] {
  const changed = keys.map((key) => {
    const [namespace = "", name = ""] = key.split("/");
    return serviceKey(namespace, name);
  });
  const plans = planBatch(changed, at.services, at.book, at.context);
  const written: string[] = [];
  for (const action of plans.flatMap((plan) => plan.actions).reverse()) {
    if (action.kind !== "writeStatus") continue;
    write(at, action);
    written.push(action.service.key);
  }
  return written.length === 0 ? plans : [...plans, ...settle(at, written)];
}

function write(at: World, action: ControllerAction & { kind: "writeStatus" }): void {
  const { service: { key }, ips: assigned, pool: allocatedFrom } = action;
  const facts = at.services.get(key);
  assert.ok(facts, `${key} is written to after it went`);
  at.writes++;
  at.services.set(key, { ...facts, assigned, allocatedFrom, hasIngress: assigned.length > 0 });
  at.onWrite?.();
}

/** The addresses in the status of a Service. */
export function statusOf(at: World, name: string): string {
  const facts = at.services.get(serviceKey("default", name));
  assert.ok(facts, `no Service ${name}`);
  return facts.assigned.map(formatIp).join(" ");
}

/** The controller starts anew, and sees the Services in this order. */
export function restart(at: World, order: (services: ServiceFacts[]) => ServiceFacts[]): void {
  const services = order([...at.services.values()]);
  at.services.clear();
  for (const facts of services) at.services.set(facts.key, facts);
  at.book = restore(services, at.config, at.context.lbClass);
}
