import type { ServiceFacts, ServiceKey } from "../model/facts.ts";
import { compareAge } from "./age.ts";
import type { AddressBook } from "./allocations.ts";
import { noteContested, settleContested } from "./contested.ts";
import { expireRemembered } from "./sticky.ts";
import { type PlanContext, planService, releaseService, type ServicePlan } from "./plan.ts";
import { enterShown } from "./shown.ts";

/**
 * Plans all Services that changed since the last batch, given by key; a key that is not in
 * `services` is one that is gone. What they free goes to those that wait, oldest first, before it goes to
 * new ones (rule A11). To plan everything, after start or a new configuration, give all keys.
 */
export function planBatch(
  changed: Iterable<ServiceKey>,
  services: ReadonlyMap<string, ServiceFacts>,
  book: AddressBook,
  context: PlanContext,
): ServicePlan[] {
  const settled: ServiceFacts[] = [];
  const needing: ServiceFacts[] = [];
  const present: ServiceFacts[] = [];
  let freed = expireRemembered(book, context.now);
  for (const key of new Set(changed)) {
    const facts = services.get(key);
    if (facts !== undefined) present.push(facts);
    if (facts === undefined) freed = releaseService(key, book, context.now) || freed;
    else if (hasAddress(facts, book) || !facts.isLoadBalancer) settled.push(facts);
    else needing.push(facts);
  }
  for (const facts of settled) enterShown(facts, book);
  for (const facts of present) freed = noteContested(facts, book, context) || freed;
  const yielding = settleContested(services, book, context);
  // Those that hold something first: what they give up counts for all the others.
  const plans = settled.sort(compareAge).map((facts) => planService(facts, book, context));
  freed = freed || plans.some((plan) => plan.freed);
  const candidates = new Set([...needing, ...yielding.filter((facts) => !settled.includes(facts))]);
  if (freed) waitingServices(services, book).forEach((facts) => candidates.add(facts));
  return [...plans, ...planNeeding([...candidates], services, book, context)];
}

/**
 * Plans those that need an address, oldest first. One that comes back to another address gives up
 * the one that was kept for its name: then those that wait are asked again before younger ones.
 */
function planNeeding(
  needing: readonly ServiceFacts[],
  services: ReadonlyMap<string, ServiceFacts>,
  book: AddressBook,
  context: PlanContext,
): ServicePlan[] {
  const plans: ServicePlan[] = [];
  let queue = [...needing].sort(compareAge);
  for (let at = 0; at < queue.length; at++) {
    const facts = queue[at];
    if (facts === undefined) break;
    const plan = planService(facts, book, context);
    plans.push(plan);
    if (!plan.freed) continue;
    const rest = new Set([...waitingServices(services, book), ...queue.slice(at + 1)]);
    queue = [...rest].sort(compareAge);
    at = -1;
  }
  return plans;
}

/** Whether it has an address, or had one that may come free now. */
function hasAddress(facts: ServiceFacts, book: AddressBook): boolean {
  return book.holdings.has(facts.key) || book.retiring.has(facts.key) || facts.assigned.length > 0;
}

/** The Services whose allocation failed (rule A11). */
function waitingServices(
  services: ReadonlyMap<string, ServiceFacts>,
  book: AddressBook,
): ServiceFacts[] {
  const found: ServiceFacts[] = [];
  for (const key of book.waiting) {
    const facts = services.get(key);
    if (facts === undefined) book.waiting.delete(key);
    else found.push(facts);
  }
  return found;
}
