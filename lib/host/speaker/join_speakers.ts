import { gossipKeys } from "../../gossip/keys.ts";
import type { PodFacts } from "../../model/facts.ts";
import { type Ip, parseIp } from "../../net/ip.ts";
import { ownAddressFor } from "../gossip/transport.ts";
import type { Log } from "../process/log.ts";
import type { RoleContext } from "../process/role.ts";
import type { ReplyLeasePlaces } from "../linux/reply_lease.ts";
import { joinMembership, type Membership, type MembershipOptions } from "./membership.ts";

export interface JoinHooks
  extends Pick<MembershipOptions, "onChange" | "onLost" | "onNotice" | "onUp"> {
  /** The speakers' pods; undefined where nobody tells of pods. */
  readonly pods: () => ReadonlyMap<string, PodFacts> | undefined;
}

/** Joins the speakers that the flags and the API tell of; undefined where gossip is off. */
export async function joinSpeakers(
  { options, signal, metrics, workers }: RoleContext,
  log: Log,
  lease: ReplyLeasePlaces | undefined,
  hooks: JoinHooks,
): Promise<Membership | undefined> {
  const { gossip, nodeName } = options;
  if (gossip === undefined) return undefined;
  const address = gossip.bindAddress ?? ownAddressFor(gossip.join);
  if (address === undefined) {
    throw new Error("Gossip finds no address of this machine; name one with --ml-bindaddr");
  }
  const keys = gossipKeys(gossip.secret, gossip.keyBytes);
  if (keys.length === 0) {
    log.warn({}, "gossip has no key: whoever reaches the port can move addresses between nodes");
  }
  return await joinMembership({
    nodeName,
    address,
    port: gossip.port,
    keys,
    candidates: () => [...gossip.join, ...podAddresses(hooks.pods())],
    workerUrl: workers.heartbeat,
    lease,
    timing: gossip.heartbeat,
    log,
    metrics: metrics.gossip,
    onChange: hooks.onChange,
    onLost: hooks.onLost,
    onNotice: hooks.onNotice,
    onUp: hooks.onUp,
  }, signal);
}

function podAddresses(pods: ReadonlyMap<string, PodFacts> | undefined): Ip[] {
  return [...pods?.values() ?? []].map(({ ip }) => parseIp(ip ?? ""))
    .filter((ip) => ip !== undefined);
}
