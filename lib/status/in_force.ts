import { someOf } from "../base/some_of.ts";
import { listOr, objectOr, textOf } from "../model/json.ts";
import type { ConfigStatus } from "./types.ts";

const ROOM = 400;

/** The pools of the configuration in force where a newer one stands beside it: nothing else fits. */
export function inForceText(inForce: ConfigStatus["inForce"]): string | undefined {
  if (inForce === undefined) return undefined;
  const pools = listOr(inForce["address-pools"]).map(objectOr).map((pool) => {
    const addresses = listOr(pool.addresses).flatMap((one) => textOf(one) ?? []);
    return `pool "${pool.name}" (${pool.protocol}) ${someOf(addresses, ", ", 100)}`;
  });
  return `in force is ${pools.length === 0 ? "one without pools" : someOf(pools, "; ", ROOM)}`;
}
