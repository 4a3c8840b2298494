import { after, type Instant, type Millis } from "../base/time.ts";
import type { ServiceFacts, ServiceKey } from "../model/facts.ts";
import { EVENT, type EventReason, type EventType } from "../model/names.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import { allocate, type Refusal } from "./allocate.ts";
import {
  type AddressBook,
  endRetirement,
  hold,
  poolContains,
  release,
  retire,
  sameIps,
} from "./allocations.ts";
import { judgePresent, unwanted } from "./keep.ts";

/** What the host shall do, in this order. */
export type ControllerAction =
  /** `ips` in order; empty clears status.loadBalancer. */
  | {
    readonly kind: "writeStatus";
    readonly service: ServiceFacts;
    readonly ips: readonly Ip[];
  }
  | {
    readonly kind: "event";
    readonly service: ServiceFacts;
    readonly type: EventType;
    readonly reason: EventReason;
    readonly message: string;
  };

/** What was decided for a Service, and why. */
export type Decision =
  /** Rule A1 or A13: not a load balancer, or of another class. */
  | { readonly kind: "notOurs"; readonly because: "type" | "class" }
  /** Rule A2: it needs a cluster IP (or ipFamilies) and a port first. */
  | { readonly kind: "notReady"; readonly lacks: "cluster-ip" | "ports" }
  /** It is being deleted, and gets no address any more. */
  | { readonly kind: "deleting" }
  /** `problem`: a request that cannot be read, while the address stays. */
  | {
    readonly kind: "kept";
    readonly pool: string;
    readonly ips: readonly Ip[];
    readonly problem?: string;
  }
  | {
    readonly kind: "assigned";
    readonly pool: string;
    readonly ips: readonly Ip[];
    readonly lost: Loss | undefined;
  }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly lost: Loss | undefined };

/** The addresses that a Service had and could not keep. */
export interface Loss {
  readonly ips: readonly Ip[];
  readonly why: string;
}

export interface ServicePlan {
  readonly service: ServiceKey;
  readonly decision: Decision;
  readonly actions: readonly ControllerAction[];
  /** An address came free, or may be shared now: waiting Services get another try (A11). */
  readonly freed: boolean;
}

export interface PlanContext {
  /** `--lb-class` (rule A13). */
  readonly lbClass: string | undefined;
  readonly now: Instant;
}

/** The same failure of a Service is told again only after this time. */
export const REPEAT_EVENT_MS: Millis = 5 * 60_000;

/**
 * Decides what one Service has, gets or loses (rules A1 to A14; MetalLB controller/service.go),
 * and enters it in the book. Total over all facts. A settled Service gives no action. Only to be
 * called after `restore` has entered what all Services already have (rule A12). An address that a
 * living Service loses comes free in the plan that sees its status without it.
 */
export function planService(
  facts: ServiceFacts,
  book: AddressBook,
  context: PlanContext,
): ServicePlan {
  if (facts.isLoadBalancer && !isOurClass(facts, context.lbClass)) {
    // Its status is another's to write, so nothing is waited for.
    const { freed } = releaseService(facts.key, book);
    return planOf(facts, { kind: "notOurs", because: "class" }, [], freed);
  }
  const replaced = releaseNamesake(facts, book);
  const plan = planOwn(facts, book, context);
  const wanted = book.holdings.get(facts.key)?.ips ?? [];
  const ended = statusWrite(facts, wanted).length === 0 && endRetirement(book, facts.key);
  return { ...plan, freed: plan.freed || replaced || ended };
}

function planOwn(facts: ServiceFacts, book: AddressBook, context: PlanContext): ServicePlan {
  if (!facts.isLoadBalancer) return planOther(facts, book);
  if (facts.families.length > 0 && facts.ports.length > 0) return planPresent(facts, book, context);
  const lacks = facts.families.length === 0 ? "cluster-ip" : "ports";
  giveUp(facts.key, book);
  return planOf(facts, { kind: "notReady", lacks }, statusWrite(facts, []));
}

/** Rule A13; a Service of another class is never written to. */
export function isOurClass(facts: ServiceFacts, lbClass: string | undefined): boolean {
  return facts.loadBalancerClass === lbClass;
}

/** Forgets a Service that is gone. `freed` tells that others may be tried again (rule A11). */
export function releaseService(
  service: ServiceKey,
  book: AddressBook,
): { readonly freed: boolean } {
  book.waiting.delete(service);
  book.reported.delete(service);
  return { freed: release(book, service) };
}

/** The Service is there but gets no address any more; what it has is free once that is written. */
function giveUp(service: ServiceKey, book: AddressBook): void {
  book.waiting.delete(service);
  book.reported.delete(service);
  retire(book, service);
}

/** The status that Herald gave to a Service that is no load balancer any more goes (rule A1). */
function planOther(facts: ServiceFacts, book: AddressBook): ServicePlan {
  giveUp(facts.key, book);
  const isOwn = book.retiring.has(facts.key) || (facts.assigned.length > 0 &&
    facts.assigned.every((ip) => book.pools.some(({ pool }) => poolContains(pool, ip))));
  const actions = isOwn ? statusWrite(facts, []) : [];
  return planOf(facts, { kind: "notOurs", because: "type" }, actions);
}

/** A Service deleted and created again under one name is another one: what it held is free. */
function releaseNamesake(facts: ServiceFacts, book: AddressBook): boolean {
  const held = book.holdings.get(facts.key);
  return held !== undefined && held.uid !== facts.uid && releaseService(facts.key, book).freed;
}

function planPresent(facts: ServiceFacts, book: AddressBook, context: PlanContext): ServicePlan {
  const held = book.holdings.get(facts.key);
  if (facts.deleting && held !== undefined) {
    return planOf(facts, { kind: "kept", pool: held.pool, ips: held.ips }, []);
  }
  // The book comes first: where someone else edited the status, it is put right again.
  const present = held?.ips ?? facts.assigned;
  if (present.length === 0) return planNew(facts, undefined, book, context);
  const keeping = judgePresent(facts, present, book);
  if (keeping.kind === "illegal") {
    return planNew(facts, { ips: present, why: keeping.why }, book, context);
  }
  const { pool, ips } = keeping;
  const why = facts.deleting ? undefined : unwanted(facts, pool, ips, book);
  if (why !== undefined) return planNew(facts, { ips: present, why }, book, context);
  return planKept(facts, pool, ips, book, context);
}

function planKept(
  facts: ServiceFacts,
  pool: string,
  ips: readonly Ip[],
  book: AddressBook,
  context: PlanContext,
): ServicePlan {
  const held = book.holdings.get(facts.key);
  if (held !== undefined && !sameIps(held.ips, ips)) retire(book, facts.key);
  const before = book.holdings.get(facts.key);
  hold(book, facts, pool, ips);
  book.waiting.delete(facts.key);
  // Used in another way now: those who wait may share it.
  const freed = before !== undefined && before !== book.holdings.get(facts.key);
  const actions = facts.deleting ? [] : statusWrite(facts, ips);
  if (facts.addressRequest.kind !== "invalid") {
    book.reported.delete(facts.key);
    return planOf(facts, { kind: "kept", pool, ips }, actions, freed);
  }
  const problem = facts.addressRequest.message;
  const text = `${problem}; the Service keeps ${ipList(ips)}`;
  const events = failureEvent(facts, EVENT.loadBalancerFailed, text, book, context.now);
  return planOf(facts, { kind: "kept", pool, ips, problem }, [...actions, ...events], freed);
}

function planNew(
  facts: ServiceFacts,
  lost: Loss | undefined,
  book: AddressBook,
  context: PlanContext,
): ServicePlan {
  retire(book, facts.key);
  if (facts.deleting) {
    book.waiting.delete(facts.key);
    return planOf(facts, { kind: "deleting" }, statusWrite(facts, []));
  }
  const clearing = lost === undefined ? [] : [
    event(facts, "Warning", EVENT.clearAssignment, `Cleared ${ipList(lost.ips)}: ${lost.why}`),
  ];
  const found = allocate(facts, book);
  if (found.kind === "refused") {
    book.waiting.add(facts.key);
    const actions = [
      ...statusWrite(facts, []),
      ...clearing,
      ...refusalEvent(facts, found, book, context.now),
    ];
    return planOf(facts, { kind: "refused", refusal: found, lost }, actions);
  }
  const { pool, ips } = found;
  hold(book, facts, pool, ips);
  book.waiting.delete(facts.key);
  book.reported.delete(facts.key);
  const assigned = event(facts, "Normal", EVENT.ipAllocated, `Assigned IP ${ipList(ips)}`);
  const actions = [...statusWrite(facts, ips), ...clearing, assigned];
  return planOf(facts, { kind: "assigned", pool, ips, lost }, actions);
}

function refusalEvent(
  facts: ServiceFacts,
  refusal: Refusal,
  book: AddressBook,
  now: Instant,
): ControllerAction[] {
  if (facts.addressRequest.kind === "invalid") {
    return failureEvent(facts, EVENT.loadBalancerFailed, refusal.message, book, now);
  }
  const text = `Failed to allocate IP for "${facts.key}": ${refusal.message}`;
  return failureEvent(facts, EVENT.allocationFailed, text, book, now);
}

/** The event, unless the Service had the same one within the last five minutes. */
function failureEvent(
  facts: ServiceFacts,
  reason: EventReason,
  message: string,
  book: AddressBook,
  now: Instant,
): ControllerAction[] {
  const last = book.reported.get(facts.key);
  if (last?.message === message && now < after(last.at, REPEAT_EVENT_MS)) return [];
  book.reported.set(facts.key, { message, at: now });
  return [event(facts, "Warning", reason, message)];
}

/** A write where the status differs from what shall stand there. */
function statusWrite(facts: ServiceFacts, ips: readonly Ip[]): ControllerAction[] {
  const stands = ips.length === 0 ? !facts.hasIngress : sameIps(facts.assigned, ips);
  return stands ? [] : [{ kind: "writeStatus", service: facts, ips }];
}

function event(
  service: ServiceFacts,
  type: EventType,
  reason: EventReason,
  message: string,
): ControllerAction {
  return { kind: "event", service, type, reason, message };
}

/** As MetalLB prints addresses in events: `["10.77.1.220"]`. */
function ipList(ips: readonly Ip[]): string {
  return `[${ips.map((ip) => `"${formatIp(ip)}"`).join(" ")}]`;
}

function planOf(
  facts: ServiceFacts,
  decision: Decision,
  actions: readonly ControllerAction[],
  freed = false,
): ServicePlan {
  return { service: facts.key, decision, actions, freed };
}
