import { stringify } from "@std/yaml";
import { advertisedPools } from "../../lib/config/advertised.ts";
import { formatCommunity } from "../../lib/config/communities.ts";
import { peerTree, poolTree, profileTree } from "../../lib/config/print.ts";
import type { Config } from "../../lib/config/types.ts";

/** The text of a configuration that a ConfigMap can hold; reading it gives an equal one. */
export function printConfig(config: Config): string {
  const tree: Record<string, unknown> = {};
  if (config.peers.length > 0) tree.peers = config.peers.map(peerTree);
  if (config.bfdProfiles.length > 0) tree["bfd-profiles"] = config.bfdProfiles.map(profileTree);
  if (config.pools.length > 0) tree["address-pools"] = advertisedPools(config).map(poolTree);
  if (config.communities.length > 0) {
    tree["bgp-communities"] = Object.fromEntries(
      config.communities.map(({ name, value }) => [name, formatCommunity(value)]),
    );
  }
  return stringify(tree, { lineWidth: 0 });
}
