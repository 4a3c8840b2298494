import { counted } from "../base/counted.ts";
import { someOf } from "../base/some_of.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import type { ServiceKey } from "./facts.ts";
import { quoted } from "./json.ts";

/** An address that a new configuration would take from a live Service. */
export interface AddressConflict {
  readonly service: ServiceKey;
  readonly ip: Ip;
  /** The pool that gives it now. */
  readonly pool: string;
}

/** An event has 1,024 characters, and what stands around the names needs 400 of them at most. */
const ROOM_FOR_NAMES = 600;

/**
 * One text for log, event and status: how many Services lose something, the first of them, and what
 * happens now.
 */
export function conflictText(conflicts: readonly AddressConflict[], now: string): string {
  const first = new Map<ServiceKey, AddressConflict>();
  for (const conflict of conflicts) {
    if (!first.has(conflict.service)) first.set(conflict.service, conflict);
  }
  const names = [...first.values()]
    .map(({ service, ip, pool }) => `${service} (${formatIp(ip)}, pool ${quoted(pool)})`);
  return `new config not compatible with assigned IPs: it would take the address of ` +
    `${counted(first.size, "Service")}: ${someOf(names, ", ", ROOM_FOR_NAMES)}; ${now}`;
}

/** While another configuration runs. */
export const STAYS = "the configuration before it stays in force";

/** Of what stands in the cluster, where it is not known what ran before. */
export const REFUSED = "it is refused, and all Services keep what they have";

/** After a start, when the configuration before it is not known. */
export const NOTHING_GIVEN =
  "all Services keep what they have and nothing is given until it has their addresses again, " +
  "or the annotation ip-allocated-from-pool is taken from them";
