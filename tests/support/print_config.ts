import { stringify } from "yaml";
import { openTree, peerTree } from "../../lib/config/print.ts";
import type { Config } from "../../lib/config/types.ts";

/** The text of a configuration that a ConfigMap can hold; reading it gives an equal one. */
export function printConfig(config: Config): string {
  const peers = config.peers.length === 0 ? {} : { peers: config.peers.map(peerTree) };
  return stringify({ ...openTree(config), ...peers }, { lineWidth: 0 });
}
