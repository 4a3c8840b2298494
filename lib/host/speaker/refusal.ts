import { formatIp } from "../../net/ip.ts";
import type { Gossip } from "../gossip/gossip.ts";

/** Why the others do not count on this node; undefined when they do. */
export function refusalText(
  nodeName: string,
  rival: ReturnType<Gossip["rival"]>,
): string | undefined {
  if (rival === undefined) return undefined;
  const where = formatIp(rival.address);
  return rival.isDead
    ? `the other speakers knew ${nodeName} at ${where}; they take its new address half a minute after they miss the old one`
    : `another speaker has the node name ${nodeName}, at ${where}; set --node-name`;
}
