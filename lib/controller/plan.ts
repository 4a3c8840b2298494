import { poolContains } from "../config/taken.ts";
import type { Instant } from "../base/time.ts";
import type { ServiceFacts, ServiceKey } from "../model/facts.ts";
import { EVENT, type EventReason } from "../model/names.ts";
import { isOurClass } from "../model/service_class.ts";
import { type Family, familyOf, type Ip } from "../net/ip.ts";
import {
  assignedEvent,
  type ControllerAction,
  event,
  failureEvent,
  ipList,
  refusalEvent,
  shows,
  statusWrite,
} from "./actions.ts";
import { allocate, allocateMissing, isIps } from "./allocate.ts";
import { type AddressBook, endRetirement, hold, retire } from "./allocations.ts";
import { foreignEvents } from "./foreign.ts";
import { judgePresent, unwanted } from "./keep.ts";
import type { Refusal } from "./refusal.ts";
import { followShown } from "./shown.ts";
import { releaseDeleted } from "./sticky.ts";

/** What was decided for a Service, and why. */
export type Decision =
  /** Rule A1 or A13: not a load balancer, or of another class. */
  | { readonly kind: "notOurs"; readonly because: "type" | "class" }
  /** Rule A2: it needs a cluster IP (or ipFamilies) and a port first. */
  | { readonly kind: "notReady"; readonly lacks: "cluster-ip" | "ports" | "no-headless" }
  /** It is being deleted, and gets no address any more. */
  | { readonly kind: "deleting" }
  /** `problem`: a request that cannot be read, or a second family that cannot be had. */
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
    readonly problem?: string;
  }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly lost: Loss | undefined };

/** The addresses that a Service had and could not keep. */
interface Loss {
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
    return planForeign(facts, book, context);
  }
  const replaced = releaseNamesake(facts, book, context.now);
  const plan = planOwn(facts, book, context);
  const wanted = book.holdings.get(facts.key)?.ips ?? [];
  const ended = shows(facts, wanted) && endRetirement(book, facts.key);
  return { ...plan, freed: plan.freed || replaced || ended };
}

/** What its status shows is another's to write, and of our pools all the same: nobody gets it too. */
function planForeign(facts: ServiceFacts, book: AddressBook, { now }: PlanContext): ServicePlan {
  const freed = followShown(facts, book, now);
  const events = foreignEvents(facts, book, now);
  return planOf(facts, { kind: "notOurs", because: "class" }, events, freed);
}

function planOwn(facts: ServiceFacts, book: AddressBook, context: PlanContext): ServicePlan {
  if (!facts.isLoadBalancer) return planOther(facts, book);
  if (facts.families.length > 0 && facts.ports.length > 0) return planPresent(facts, book, context);
  giveUp(facts.key, book);
  const writes = statusWrite(facts, [], undefined);
  if (!facts.isHeadless) {
    const lacks = facts.families.length === 0 ? "cluster-ip" : "ports";
    return planOf(facts, { kind: "notReady", lacks }, writes);
  }
  const text = `Service "${facts.key}" is headless: a load balancer needs a cluster IP`;
  const events = failureEvent(facts, EVENT.noClusterIpsFamily, text, book, context.now);
  return planOf(facts, { kind: "notReady", lacks: "no-headless" }, [...writes, ...events]);
}

/** Forgets a Service that is gone; whether others may be tried again (rule A11). */
export function releaseService(service: ServiceKey, book: AddressBook, now: Instant): boolean {
  book.waiting.delete(service);
  book.contested.delete(service);
  book.reported.delete(service);
  return releaseDeleted(book, service, now);
}

/** The Service is there but gets no address any more; what it has is free once that is written. */
function giveUp(service: ServiceKey, book: AddressBook): void {
  book.waiting.delete(service);
  retire(book, service);
}

/**
 * What Herald gave to a Service that is no load balancer any more goes (rule A1): newer API servers
 * clear the status themselves, and leave the annotation.
 */
function planOther(facts: ServiceFacts, book: AddressBook): ServicePlan {
  giveUp(facts.key, book);
  book.reported.delete(facts.key);
  const isOwn = book.retiring.has(facts.key) ||
    book.pools.some(({ pool }) => pool.name === facts.allocatedFrom) ||
    (facts.assigned.length > 0 &&
      facts.assigned.every((ip) => book.pools.some(({ pool }) => poolContains(pool, ip))));
  const actions = isOwn ? statusWrite(facts, [], undefined) : [];
  return planOf(facts, { kind: "notOurs", because: "type" }, actions);
}

/** A Service deleted and created again under one name is another one: what it held is free. */
function releaseNamesake(facts: ServiceFacts, book: AddressBook, now: Instant): boolean {
  const before = book.holdings.get(facts.key) ?? book.retiring.get(facts.key)?.[0];
  return before !== undefined && before.uid !== facts.uid &&
    releaseService(facts.key, book, now);
}

function planPresent(facts: ServiceFacts, book: AddressBook, context: PlanContext): ServicePlan {
  const held = book.holdings.get(facts.key);
  if (facts.deleting && held !== undefined) {
    book.waiting.delete(facts.key);
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
  const { write, told, freed, ...kept } = planKept(facts, pool, ips, book, context);
  const decision = { kind: "kept", pool, ...kept } as const;
  return planOf(facts, decision, [...write, ...told], freed);
}

/** What keeping addresses asks for: the write, and what the Service is told after it. */
interface Kept {
  /** With the second family's, where it could be had. */
  readonly ips: readonly Ip[];
  readonly write: readonly ControllerAction[];
  readonly told: readonly ControllerAction[];
  readonly freed: boolean;
  readonly problem?: string;
}

function planKept(
  facts: ServiceFacts,
  pool: string,
  kept: readonly Ip[],
  book: AddressBook,
  context: PlanContext,
): Kept {
  const held = book.holdings.get(facts.key);
  const { ips, lack } = completed(facts, pool, kept, book);
  // Given up is what is no longer among them; a second family that comes takes nothing away.
  if (held !== undefined && held.ips.some((ip) => !ips.includes(ip))) retire(book, facts.key);
  const before = book.holdings.get(facts.key);
  // Who comes back to what was kept for it leaves nothing to others, unless they may share it.
  const mayShare = facts.sharingKey !== undefined;
  const leaves = book.remembered.get(facts.key)?.ips.some((ip) => mayShare || !ips.includes(ip)) ??
    false;
  // What its status had already is of unknown age.
  const given = ips.every((ip) => facts.assigned.includes(ip)) ? undefined : context.now;
  const same = ips.every((ip) => before?.ips.includes(ip));
  hold(book, facts, pool, ips, same ? before?.given : given);
  if (lack === undefined) book.waiting.delete(facts.key);
  else book.waiting.add(facts.key);
  // The address is used in another way now, or no more kept for its name: waiting Services may have it.
  const freed = leaves || (before !== undefined && before !== book.holdings.get(facts.key));
  const write = facts.deleting ? [] : statusWrite(facts, ips, pool);
  const told = ips.length > kept.length ? [assignedEvent(facts, ips)] : [];
  const problem = problemOf(facts, ips, lack);
  if (problem === undefined) book.reported.delete(facts.key);
  else told.push(...failureEvent(facts, problem.event, problem.text, book, context.now));
  return { ips, write, told, freed, ...problem && { problem: problem.text } };
}

/** Rule A8: adds the family that a Service with one address has not; `lack` says why it cannot. */
function completed(
  facts: ServiceFacts,
  pool: string,
  ips: readonly Ip[],
  book: AddressBook,
): { readonly ips: readonly Ip[]; readonly lack?: string } {
  if (facts.deleting || ips.length === facts.families.length) return { ips };
  // A Service that asks for one address by name has all that it asks for.
  if (facts.addressRequest.kind !== "none") return { ips };
  const more = allocateMissing(facts, pool, ips, book);
  if (!isIps(more)) return { ips, lack: more.message };
  return { ips: facts.families.flatMap((of) => [...ips, ...more].filter(isOfFamily(of))) };
}

function isOfFamily(family: Family): (ip: Ip) => boolean {
  return (ip) => familyOf(ip) === family;
}

/** What a Service that has an address should be told all the same. */
function problemOf(
  facts: ServiceFacts,
  ips: readonly Ip[],
  lack: string | undefined,
): { readonly event: EventReason; readonly text: string } | undefined {
  if (facts.addressRequest.kind === "invalid") {
    const text = `${facts.addressRequest.message}; the Service keeps ${ipList(ips)}`;
    return { event: EVENT.loadBalancerFailed, text };
  }
  if (lack === undefined) return undefined;
  const text = `Failed to allocate an additional IP for "${facts.key}" beside ${ipList(ips)}: ` +
    lack;
  return { event: EVENT.additionalAssignFailed, text };
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
    return planOf(facts, { kind: "deleting" }, statusWrite(facts, [], undefined));
  }
  const clearing = lost === undefined ? [] : [
    event(facts, "Warning", EVENT.clearAssignment, `Cleared ${ipList(lost.ips)}: ${lost.why}`),
  ];
  const found = allocate(facts, book);
  if (found.kind === "refused") {
    book.waiting.add(facts.key);
    const actions = [
      ...statusWrite(facts, [], undefined),
      ...clearing,
      ...refusalEvent(facts, found, book, context.now),
    ];
    return planOf(facts, { kind: "refused", refusal: found, lost }, actions);
  }
  book.reported.delete(facts.key);
  const { pool, ips } = found;
  const { write, told, freed, problem } = planKept(facts, pool, ips, book, context);
  const actions = [...write, ...clearing, assignedEvent(facts, ips), ...told];
  return planOf(facts, { kind: "assigned", pool, ips, lost, problem }, actions, freed);
}

function planOf(
  facts: ServiceFacts,
  decision: Decision,
  actions: readonly ControllerAction[],
  freed = false,
): ServicePlan {
  return { service: facts.key, decision, actions, freed };
}
