import { instant } from "../lib/base/time.ts";
import type { Config } from "../lib/config/types.ts";
import { type AddressBook, createBook } from "../lib/controller/allocations.ts";
import { planService, releaseService } from "../lib/controller/plan.ts";
import type { ServiceFacts } from "../lib/model/facts.ts";
import { config, pool, service } from "../tests/controller/fixture.ts";
import { type Figure, figure, percentile } from "./figure.ts";
import { threadMs } from "./process_cost.ts";

const SERVICES = 200_000;
const RUNS = 5;
const CONTEXT = { lbClass: undefined, now: instant(0) };
const GOAL = { goal: { of: "value", atLeast: 200_000 } } as const;

/** How many addresses the plan alone gives or frees, in one second of one core. */
export function benchAllocator(): Figure[] {
  return [
    figure("allocate-ipv4-8", fill(config(pool("wide", "10.0.0.0/8")), plain(4)), RATE, GOAL),
    figure("allocate-ipv6-64", fill(config(pool("wide", "2001:db8::/64")), plain(6)), RATE, GOAL),
    figure("allocate-shared", fill(config(pool("wide", "10.0.0.0/8")), shared), RATE, GOAL),
    figure("free-and-allocate-8", refill(config(pool("wide", "10.0.0.0/8"))), CHANGES, GOAL),
    figure("free-and-allocate-full", refill(config(pool("tight", TIGHT))), CHANGES, GOAL),
  ];
}

const RATE = "addresses/s";
/** Each is an address that comes free or is given. */
const CHANGES = "changes/s";
/** Two addresses more than there are Services. */
const TIGHT = "10.0.0.0-10.3.13.65";

function plain(family: 4 | 6): (index: number) => ServiceFacts {
  return (index) => service(`s${index}`, { families: [family] });
}

/** Ten Services to an address, each with a port of its own. */
function shared(index: number): ServiceFacts {
  return service(`s${index}`, {
    sharingKey: `key${Math.floor(index / 10)}`,
    ports: [{ protocol: "TCP", port: 8_000 + index % 10 }],
  });
}

function fill(pools: Config, make: (index: number) => ServiceFacts): number {
  const all = Array.from({ length: SERVICES }, (_, index) => make(index));
  return rate(SERVICES, () => createBook(pools), (book) => planAll(book, all));
}

/** Of a pool in use, each Service in turn goes and another one comes. */
function refill(pools: Config): number {
  const all = Array.from({ length: SERVICES }, (_, index) => plain(4)(index));
  const others = all.map((_, index) => plain(4)(SERVICES + index));
  const inUse = () => {
    const book = createBook(pools);
    planAll(book, all);
    return book;
  };
  return rate(2 * SERVICES, inUse, (book) => {
    for (const [index, facts] of others.entries()) {
      // Neither the lowest nor the highest: holes all over the pool.
      const gone = all[index * 7_919 % SERVICES];
      if (gone !== undefined) releaseService(gone.key, book, CONTEXT.now);
      planAll(book, [facts]);
    }
  });
}

function planAll(book: AddressBook, services: readonly ServiceFacts[]): void {
  for (const facts of services) {
    const { decision } = planService(facts, book, CONTEXT);
    if (decision.kind !== "assigned") throw new Error(`${facts.key} got no address`);
  }
}

/**
 * The middle one of some runs, each on a book of its own; by the time that this thread had a core,
 * for the benchmark's other programs and the machine's other guests take their share of the clock's.
 */
function rate(
  changes: number,
  prepare: () => AddressBook,
  work: (book: AddressBook) => void,
): number {
  const rates = Array.from({ length: RUNS }, () => {
    const book = prepare();
    const began = threadMs(Deno.pid);
    work(book);
    return changes / (threadMs(Deno.pid) - began) * 1_000;
  });
  return percentile(rates, 0.5);
}
