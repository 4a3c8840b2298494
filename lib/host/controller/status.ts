import { protocolsByPool } from "../../config/advertised.ts";
import type { Config } from "../../config/types.ts";
import type { AddressBook } from "../../controller/allocations.ts";
import type { ServiceFacts } from "../../model/facts.ts";
import { formatIp } from "../../net/ip.ts";
import type { PoolMetrics } from "./pools.ts";
import type { ControllerStatus, LeadStatus } from "../../status/types.ts";

/** Why a controller keeps no account of addresses, and what it does see; undefined when it keeps one. */
export function unknownHere(
  services: ReadonlyMap<string, ServiceFacts>,
  book: AddressBook | undefined,
  config: Config | undefined,
  lead: LeadStatus,
  notReady: readonly string[],
): string | undefined {
  if (book !== undefined && config !== undefined) return undefined;
  const balanced = [...services.values()].filter(({ isLoadBalancer }) => isLoadBalancer);
  const have = balanced.filter(({ assigned }) => assigned.length > 0).length;
  const sees = `${balanced.length} of type LoadBalancer seen, ${have} with an address`;
  if (lead.role !== "standby") {
    return `${notReady.join("; ") || "addresses are not all read yet"}; ${sees}`;
  }
  const ask = lead.leader === undefined ? "nobody leads yet" : `ask the leader, ${lead.leader}`;
  return `this controller stands by, ${ask}; ${sees}`;
}

/** What the controller shows of pools and Services; nothing while it does not lead. */
export function controllerStatus(
  services: ReadonlyMap<string, ServiceFacts>,
  book: AddressBook | undefined,
  poolMetrics: Pick<PoolMetrics, "read">,
  config: Config | undefined,
): ControllerStatus {
  if (book === undefined || config === undefined) return { pools: [], services: [] };
  const protocols = protocolsByPool(config);
  const ours = [...services.values()].filter(({ key }) =>
    book.holdings.has(key) || book.waiting.has(key)
  );
  return {
    pools: poolMetrics.read(book).map((
      { pool, addresses, inUse, services, kept, reserved, fullInMs },
    ) => ({
      name: pool,
      protocol: protocols.get(pool) ?? "",
      addresses: String(addresses),
      inUse,
      services,
      kept,
      reserved,
      // JSON knows no Infinity: a pool that does not grow has no such time.
      fullInMs: Number.isFinite(fullInMs) ? fullInMs : undefined,
    })),
    services: ours.sort((a, b) => a.key < b.key ? -1 : 1).map(({ key }) => {
      const held = book.holdings.get(key);
      return {
        service: key,
        ips: held?.ips.map(formatIp) ?? [],
        pool: held?.pool,
        reason: book.reported.get(key)?.message,
      };
    }),
  };
}
