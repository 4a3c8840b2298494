import { advertisedWith } from "../config/advertised.ts";
import { addressesTaken, type Given, poolGiving } from "../config/taken.ts";
import type { Config } from "../config/types.ts";
import { type AddressConflict, conflictText, STAYS } from "../model/address_conflict.ts";
import type { ServiceFacts } from "../model/facts.ts";
import { isAnnounced } from "./plan.ts";

/**
 * What a new configuration would take from live Services whose addresses the present one lets be
 * announced: the controller refuses such a configuration, and a speaker that took it would make them
 * go dark all the same.
 */
export function lostAnnouncements(
  services: Iterable<ServiceFacts>,
  before: Config,
  after: Config,
  lbClass: string | undefined,
): AddressConflict[] {
  const given: Given[] = [];
  for (const facts of services) {
    if (!isAnnounced(facts, lbClass)) continue;
    const ips = facts.assigned.filter((ip) => advertisedWith(before, ip) !== undefined);
    const { key: service } = facts;
    const whole = poolGiving(before.pools, ips);
    // Together where one pool gave them all; what was in two pools may go on so.
    const groups = whole === undefined ? ips.map((ip) => [ip]) : [ips];
    for (const ips of groups.filter(({ length }) => length > 0)) {
      const [first] = ips;
      const pool = whole?.name ?? (first && advertisedWith(before, first)?.pool.name) ?? "";
      const poolRequest = facts.poolRequest === pool ? pool : undefined;
      given.push({ service, ips, pool, poolRequest });
    }
  }
  return addressesTaken(given, after);
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
