import type { ServiceFacts } from "../model/facts.ts";
import { type AddressBook, clashOf, retireShown, sameIps, useOf } from "./allocations.ts";
import { isOurClass } from "./plan.ts";
import { poolOf } from "./pool_state.ts";

/**
 * Keeps others off the addresses that a status shows though the Service does not hold them: it was
 * edited while no controller ran, or somebody else wrote the status. They are free when a plan sees
 * the status without them, like those that a Service gives up. One that another Service holds is
 * not free anyway; it is entered only where both may share it, so that it is taken from nobody. Nor
 * is one that is kept for a deleted Service.
 */
export function enterShown(
  facts: ServiceFacts,
  book: AddressBook,
  lbClass: string | undefined,
): void {
  const { assigned, isLoadBalancer, key } = facts;
  const held = book.holdings.get(key)?.ips ?? [];
  if (assigned.length === 0 || sameIps(assigned, held)) return;
  if (isLoadBalancer && !isOurClass(facts, lbClass)) return;
  const pools = assigned.map((ip) => poolOf(book.pools, [ip]));
  // Such a status of no load balancer is another's, and stays.
  if (!isLoadBalancer && pools.includes(undefined)) return;
  const use = useOf(facts);
  const ips = assigned.filter((ip, index) => {
    const users = book.users.get(ip) ?? [];
    const isHeld = users.some((user) => book.holdings.get(user.service) === user);
    const isKept = (book.keptFor.get(ip) ?? key) !== key;
    return pools[index] !== undefined && !users.some(({ service }) => service === key) &&
      !isKept && !(isHeld && clashOf(book, ip, key, use));
  });
  const pool = pools.find((one) => one !== undefined);
  if (pool !== undefined && ips.length > 0) retireShown(book, facts, pool.name, ips);
}
