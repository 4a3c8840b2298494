import type { Instant } from "../base/time.ts";
import type { ServiceFacts, ServiceKey } from "../model/facts.ts";
import type { Ip } from "../net/ip.ts";
import {
  type AddressBook,
  type Holding,
  isSameHolding,
  retireShown,
  sameIps,
  useOf,
} from "./allocations.ts";
import { clashWith } from "./clash.ts";
import { poolOf } from "./pool_state.ts";
import { releaseDeleted } from "./sticky.ts";

/**
 * Keeps others off the addresses that a status shows though the Service does not hold them: it was
 * edited while no controller ran, somebody else wrote the status, or the Service is of another class
 * or type. They are free when a plan sees the status without them, like those that a Service gives
 * up. One that another Service holds is not free anyway; it is entered only where both may share it,
 * so that it is taken from nobody. Nor is one that is kept for a deleted Service, but for one whose
 * status is another's to write (`isForeign`).
 */
export function enterShown(facts: ServiceFacts, book: AddressBook, isForeign = false): void {
  const { isLoadBalancer, key } = facts;
  // Who gave it puts it right again.
  const given = isForeign ? facts.given ?? [] : [];
  const assigned = [...new Set([...facts.assigned, ...given])];
  const held = book.holdings.get(key)?.ips ?? [];
  if (assigned.length === 0 || sameIps(assigned, held)) return;
  const pools = assigned.map((ip) => poolOf(book.pools, [ip]));
  // Such a status of no load balancer is another's, and stays.
  if (!isLoadBalancer && pools.includes(undefined)) return;
  const use = useOf(facts);
  const ips = assigned.filter((ip, index) => {
    const users = book.users.get(ip) ?? [];
    const isTheirs = users.some((user) =>
      book.holdings.get(user.service) === user && clashWith(user, use) !== undefined
    );
    const isKept = !isForeign && (book.keptFor.get(ip) ?? key) !== key;
    return pools[index] !== undefined && !users.some(({ service }) => service === key) &&
      !isKept && !isTheirs;
  });
  const pool = pools.find((one) => one !== undefined);
  if (pool !== undefined && ips.length > 0) retireShown(book, facts, pool.name, ips);
}

/**
 * Enters what the status of a Service shows that is another's to write, in place of what it showed
 * before: nobody else gets that. Whether anything came free.
 */
export function followShown(facts: ServiceFacts, book: AddressBook, now: Instant): boolean {
  const before = book.retiring.get(facts.key) ?? [];
  book.waiting.delete(facts.key);
  const hadOwn = book.holdings.has(facts.key);
  releaseDeleted(book, facts.key, now);
  enterShown(facts, book, true);
  const after = book.retiring.get(facts.key) ?? [];
  return hadOwn || before.some((one) => !after.some((other) => isSameHolding(one, other)));
}

/** What Services hold of the addresses that this one's status shows, and may not share with it. */
export function rivalsOf(facts: ServiceFacts, book: AddressBook): readonly Holding[] {
  const use = useOf(facts);
  const users = facts.assigned.flatMap((ip) => book.users.get(ip) ?? []);
  return [...new Set(users)].filter((user) =>
    user.service !== facts.key && book.holdings.get(user.service) === user &&
    clashWith(user, use) !== undefined
  );
}

/** The addresses that nobody else gets because of this Service. */
export function usedBy(book: AddressBook, key: ServiceKey): readonly Ip[] {
  const held = book.holdings.get(key);
  return [...held === undefined ? [] : [held], ...book.retiring.get(key) ?? []]
    .flatMap(({ ips }) => ips);
}
