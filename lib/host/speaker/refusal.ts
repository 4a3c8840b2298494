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

/** What a heartbeat that was refused for this reason tells people. */
export function refusedBeatText(reason: string): string {
  return reason === "unknown-address"
    ? "heartbeats from an address of no speaker: somebody else sends to this port"
    : "heartbeat refused: do all have the same key?";
}

/** Whether a member whose heartbeat is missed answers by gossip. */
export function vouchedText(answers: boolean): string {
  return answers
    ? "speaker's heartbeat is not heard, and its gossip is: is UDP port 7947 filtered?"
    : "speaker does not answer by gossip either";
}
