import type { Config } from "../config/types.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { type AddressBook, createBook, hold } from "./allocations.ts";
import { compareAge } from "./batch.ts";
import { judgePresent } from "./keep.ts";
import { isOurClass } from "./plan.ts";

/**
 * A book that knows every address already in a status, made before anything is allocated (rule
 * A12). Where two Services hold one address that they may not share, the older keeps it; what is
 * not entered here, `planBatch` clears and allocates anew (rule A3). The order of `services` does
 * not matter.
 */
export function restore(
  services: Iterable<ServiceFacts>,
  config: Config,
  lbClass: string | undefined,
): AddressBook {
  const book = createBook(config);
  const settled = [...services].filter((facts) =>
    facts.isLoadBalancer && isOurClass(facts, lbClass) && facts.assigned.length > 0 &&
    facts.families.length > 0 && facts.ports.length > 0
  );
  for (const facts of settled.sort(compareAge)) {
    const keeping = judgePresent(facts, facts.assigned, book);
    if (keeping.kind === "legal") hold(book, facts, keeping.pool, keeping.ips);
  }
  return book;
}
