import type { Millis } from "../../base/time.ts";
import { formatIp } from "../../net/ip.ts";
import type { Gossip } from "../gossip/gossip.ts";
import { oncePerCause } from "../process/backoff.ts";
import type { RoleContext } from "../process/role.ts";

/** Of each cause of refused beats one line in this time. */
const TELL_MS: Millis = 60_000;

/** Counts refused beats by their reason, and tells people. */
export function createRefusedBeats(
  { clock, log, metrics }: Pick<RoleContext, "clock" | "log" | "metrics">,
): (reasons: Readonly<Record<string, number>>) => void {
  const mayTell = oncePerCause(TELL_MS, clock.now);
  return (reasons) => {
    for (const [reason, count] of Object.entries(reasons)) {
      metrics.gossip.heartbeatRefused.inc({ reason }, count);
      if (mayTell(reason)) log.warn({ reason }, refusedBeatText(reason));
    }
  };
}

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
function refusedBeatText(reason: string): string {
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
