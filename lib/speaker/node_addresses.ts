import { advertisedWith } from "../config/advertised.ts";
import type { Config } from "../config/types.ts";
import type { NodeFacts } from "../model/facts.ts";
import { formatIp, type Ip } from "../net/ip.ts";

/** Nodes by the addresses that are their own. */
export type NodeAddresses = ReadonlyMap<Ip, ReadonlySet<string>>;

/** The addresses that Node objects show as their own. */
export function addressesOf(nodes: Iterable<NodeFacts>): NodeAddresses {
  const owners = new Map<Ip, Set<string>>();
  for (const { name, addresses } of nodes) {
    for (const ip of addresses) {
      const names = owners.get(ip);
      if (names === undefined) owners.set(ip, new Set([name]));
      else names.add(name);
    }
  }
  return owners;
}

/** A node's own address in a pool. */
export interface PooledAddress {
  readonly ip: string;
  readonly node: string;
  readonly pool: string;
}

/**
 * The nodes' own addresses that pools give out: the node's kernel answers for such a one whatever
 * is elected, so only that node may announce it.
 */
export function pooledAddresses(config: Config, nodes: Iterable<NodeFacts>): PooledAddress[] {
  return [...nodes].flatMap(({ name: node, addresses }) =>
    addresses.flatMap((ip) => {
      const found = advertisedWith(config, ip);
      return found === undefined ? [] : [{ ip: formatIp(ip), node, pool: found.pool.name }];
    })
  );
}
