import { protocolsByPool } from "../../config/advertised.ts";
import type { Config } from "../../config/types.ts";
import type { AddressBook } from "../../controller/allocations.ts";
import type { ServiceFacts } from "../../model/facts.ts";
import { formatIp } from "../../net/ip.ts";
import type { PoolMetrics } from "./pools.ts";
import type { ControllerStatus } from "../../status/types.ts";

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
