import type { Config } from "../config/types.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { compareAge } from "./age.ts";
import type { Ip } from "../net/ip.ts";
import { type AddressBook, createBook, hold } from "./allocations.ts";
import { judgePresent } from "./keep.ts";
import { isOurClass } from "../model/service_class.ts";
import { enterShown } from "./shown.ts";

/**
 * A book that knows every address already in a status, made before anything is allocated (rule
 * A12). Where two Services hold one address that they may not share, the older keeps it; what is
 * not held here, `planBatch` clears and allocates anew (rule A3), and until then nobody else gets
 * it. The order of `services` does not matter.
 */
export function restore(
  services: Iterable<ServiceFacts>,
  config: Config,
  lbClass: string | undefined,
): AddressBook {
  const book = createBook(config);
  const showing = [...services].filter((facts) => presentOf(facts).length > 0).sort(compareAge);
  for (const facts of showing) {
    if (!facts.isLoadBalancer || !isOurClass(facts, lbClass)) continue;
    if (facts.families.length === 0 || facts.ports.length === 0) continue;
    const keeping = judgePresent(facts, presentOf(facts), book);
    if (keeping.kind === "legal") hold(book, facts, keeping.pool, keeping.ips);
  }
  for (const facts of showing) enterShown(facts, book);
  return book;
}

/** What it has, though another may have written over its status. */
function presentOf({ assigned, given }: ServiceFacts): readonly Ip[] {
  return given ?? assigned;
}
