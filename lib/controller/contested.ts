import { after, type Instant, type Millis } from "../base/time.ts";
import type { ServiceFacts } from "../model/facts.ts";
import type { Ip } from "../net/ip.ts";
import { compareAge } from "./age.ts";
import { type AddressBook, contest, type Holding, retire } from "./allocations.ts";
import { isOurClass } from "../model/service_class.ts";
import type { PlanContext } from "./plan.ts";
import { poolOf } from "./pool_state.ts";
import { followShown, rivalsOf } from "./shown.ts";

/** What has stood for longer is taken from nobody; no watch is silent for so long unnoticed. */
const FRESH_MS: Millis = 120_000;

/**
 * Enters what a Service of another class shows, and notes what of it one of ours holds; whether
 * anything came free. Two controllers of two classes that were asked at one moment may give the same
 * address, for neither has seen the other's status yet.
 */
export function noteContested(
  facts: ServiceFacts,
  book: AddressBook,
  { lbClass, now }: PlanContext,
): boolean {
  book.contested.delete(facts.key);
  if (!facts.isLoadBalancer || isOurClass(facts, lbClass)) return false;
  const freed = followShown(facts, book, now);
  const missing = notEntered(facts, book);
  if (missing.length > 0) contest(book, facts, missing);
  return freed;
}

/** What the status shows of our pools, and others hold. */
function notEntered({ assigned, key }: ServiceFacts, book: AddressBook): readonly Ip[] {
  return assigned.filter((ip) =>
    poolOf(book.pools, [ip]) !== undefined &&
    !(book.users.get(ip) ?? []).some(({ service }) => service === key)
  );
}

/**
 * Has those of ours give an address up that got it after a Service of another class did, and keeps
 * others off it. Both controllers judge by what both statuses show, so that exactly one yields.
 * Gives those that need another address now.
 */
export function settleContested(
  services: ReadonlyMap<string, ServiceFacts>,
  book: AddressBook,
  context: PlanContext,
): ServiceFacts[] {
  const yielding: ServiceFacts[] = [];
  for (const key of [...book.contested.keys()]) {
    const facts = services.get(key);
    if (facts === undefined) continue;
    for (const rival of rivalsOf(facts, book)) {
      const own = services.get(rival.service);
      if (own === undefined || !yields(own, rival, facts, context.now)) continue;
      retire(book, own.key);
      book.waiting.add(own.key);
      yielding.push(own);
    }
    noteContested(facts, book, context);
  }
  return yielding;
}

function yields(own: ServiceFacts, holding: Holding, other: ServiceFacts, now: Instant): boolean {
  // Until its status shows it, nobody can tell which of both comes later.
  if (own.uid !== holding.uid || own.deleting) return false;
  if (!own.assigned.some((ip) => other.assigned.includes(ip))) return false;
  const laterMs = (own.statusSinceMs ?? 0) - (other.statusSinceMs ?? 0);
  if ((laterMs || compareAge(own, other)) <= 0) return false;
  const isYoung = holding.given !== undefined && now < after(holding.given, FRESH_MS);
  const atOneTime = own.statusSinceMs !== undefined && laterMs <= FRESH_MS;
  return isYoung || atOneTime;
}
