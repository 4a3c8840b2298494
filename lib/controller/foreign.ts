import type { Instant } from "../base/time.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { quoted } from "../model/json.ts";
import { EVENT } from "../model/names.ts";
import { type ControllerAction, failureEvent, ipList } from "./actions.ts";
import type { AddressBook } from "./allocations.ts";
import { rivalsOf, usedBy } from "./shown.ts";

/** What is told at a Service of another class whose status shows addresses of our pools. */
export function foreignEvents(
  facts: ServiceFacts,
  book: AddressBook,
  now: Instant,
): readonly ControllerAction[] {
  const [rival] = rivalsOf(facts, book);
  if (rival !== undefined) {
    const both = facts.assigned.filter((ip) => rival.ips.includes(ip));
    const text = `${ipList(both)} stands here and in the status of ${rival.service}, which is ` +
      "served here: where two Heralds gave it at one moment, the later one takes it back by " +
      "itself; else give one of the two another address";
    return failureEvent(facts, EVENT.otherClass, text, book, now);
  }
  const ips = usedBy(book, facts.key);
  if (ips.length === 0) {
    book.reported.delete(facts.key);
    return [];
  }
  return failureEvent(facts, EVENT.otherClass, takenText(facts, ips), book, now, "Normal");
}

function takenText({ loadBalancerClass }: ServiceFacts, ips: ReturnType<typeof usedBy>): string {
  const shown = loadBalancerClass === undefined ? "none" : quoted(loadBalancerClass);
  return `${
    ipList(ips)
  } is of a pool of Herald, and the Service's loadBalancerClass, ${shown}, is not served here: ` +
    "nobody else gets it, and this Herald does not announce it";
}
