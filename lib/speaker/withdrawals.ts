import { advertisedWith } from "../config/advertised.ts";
import type { Config } from "../config/types.ts";
import { type AddressConflict, conflictText, STAYS } from "../model/address_conflict.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { isAnnounced } from "./plan.ts";

/**
 * The addresses of live Services that the present configuration lets be announced and a new one
 * would not: the controller refuses such a configuration, and a speaker that took it would make
 * them go dark all the same.
 */
export function lostAnnouncements(
  services: Iterable<ServiceFacts>,
  before: Config,
  after: Config,
  lbClass: string | undefined,
): AddressConflict[] {
  const lost: AddressConflict[] = [];
  for (const facts of services) {
    if (!isAnnounced(facts, lbClass)) continue;
    for (const ip of facts.assigned) {
      const pool = advertisedWith(before, ip)?.pool.name;
      if (pool === undefined || advertisedWith(after, ip) !== undefined) continue;
      lost.push({ service: facts.key, ip, pool });
    }
  }
  return lost;
}

/**
 * Why a speaker refuses a configuration: it would silence live addresses. Undefined when it would
 * not, or when nothing was in force before.
 */
export function refusalOf(
  services: Iterable<ServiceFacts>,
  before: Config | undefined,
  after: Config,
  lbClass: string | undefined,
): string | undefined {
  if (before === undefined) return undefined;
  const lost = lostAnnouncements(services, before, after, lbClass);
  return lost.length === 0 ? undefined : conflictText(lost, STAYS);
}
