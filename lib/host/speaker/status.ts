import { PROTOCOLS } from "../../config/types.ts";
import { formatMac } from "../../net/ethernet.ts";
import { compareIp, formatIp } from "../../net/ip.ts";
import { formatPrefix } from "../../net/prefix.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import { type Announced, announcedNow, type Wire } from "../../speaker/announced.ts";
import type { RunOptions } from "../process/options.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { ConfigKeeper } from "../config/keeper.ts";
import type { Concerns } from "./concerns.ts";
import type { SpeakerDesk } from "./desk.ts";
import type { Facts } from "./facts.ts";
import type { SpeakerPlans } from "./plans.ts";
import type { SpeakerStatus } from "../../status/types.ts";
import type { Bgp } from "../linux/bgp/bgp.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import type { Fellows } from "./fellows.ts";

/** What a speaker's status is made of. */
export interface StatusParts {
  readonly options: Pick<RunOptions, "election" | "ignoreExcludeLabel" | "nodeName">;
  readonly cluster: Pick<Cluster, "description">;
  readonly facts: Pick<Facts, "readyPods" | "unknown">;
  readonly keeper: Pick<ConfigKeeper, "status">;
  readonly plans: Pick<SpeakerPlans, "plans">;
  readonly layer2: Pick<
    Layer2,
    "answersBy" | "backend" | "conflicts" | "interfaces" | "leftOut" | "problem"
  >;
  readonly bgp: Pick<Bgp, "routesOf" | "status">;
  readonly fellows: Pick<Fellows, "describe" | "live" | "problem" | "stale">;
  readonly desk: Pick<SpeakerDesk, "cutOff" | "judge" | "missing">;
  readonly wire: () => Wire;
  readonly concerns: Pick<Concerns, "standing">;
}

/** Why the speaker is not ready, one sentence each; none when it is. */
export function notReady(parts: StatusParts): readonly string[] {
  const { cluster, facts, fellows, keeper, layer2 } = parts;
  const missing = parts.desk.missing();
  const problem = layer2.problem();
  return [
    missing.includes("facts")
      ? `the ${facts.unknown().join(", ")} of ${cluster.description} are not all known yet`
      : undefined,
    missing.includes("config")
      ? `no configuration in force: ${keeper.status().reason ?? ""}`
      : undefined,
    problem === undefined ? undefined : `layer 2 does not work: ${problem}`,
    missing.includes("speakers") ? "the other speakers are not known yet" : undefined,
    fellows.problem(),
  ].filter((reason) => reason !== undefined);
}

/** What this node announces, to whom and with whom. */
export function speakerStatus(parts: StatusParts): SpeakerStatus {
  const { options, facts, layer2, bgp, fellows } = parts;
  const live = fellows.live(facts.readyPods());
  const plans = [...parts.plans.plans.values()].sort((a, b) => compareIp(a.ip, b.ip));
  const wire = parts.wire();
  const announced = plans.map((plan) => ({ plan, ...announcedNow(plan, wire) }));
  return {
    node: options.nodeName,
    election: options.election,
    ignoreExcludeLabel: options.ignoreExcludeLabel,
    judge: parts.desk.judge(),
    live: live && [...live].sort(),
    stale: [...fellows.stale()].sort(),
    backend: layer2.backend,
    interfaces: layer2.interfaces().map(({ name, mac, ifindex }) => ({
      name,
      mac: formatMac(mac),
      by: layer2.answersBy(ifindex),
    })),
    leftOut: layer2.leftOut(),
    peers: bgp.status(),
    members: fellows.describe(),
    owned: ownedByNode(announced),
    conflicts: layer2.conflicts().map(({ ip, mac }) => ({ ip: formatIp(ip), mac: formatMac(mac) })),
    concerns: parts.concerns.standing(),
    cutOff: cutOffByNode(parts.desk.cutOff()),
    unknown: parts.desk.missing().length === 0 ? undefined : notReady(parts).join("; "),
    addresses: announced.map(({ by, owner, plan, reason }) => {
      const protocols = PROTOCOLS.filter((protocol) => plan.announce[protocol] !== undefined);
      return {
        ip: formatIp(plan.ip),
        services: plan.services,
        protocol: protocols.length === 0 ? undefined : protocols.join(", "),
        owner,
        announcing: by.length > 0,
        routes: plan.announce.bgp?.here ? bgp.routesOf(plan.ip) : [],
        reason,
      };
    }),
  };
}

function cutOffByNode(cutOff: SpeakerView["cutOff"]): Record<string, string[]> {
  const cut = [...cutOff ?? []].filter(([, prefixes]) => prefixes.length > 0);
  return Object.fromEntries(cut.map(([node, prefixes]) => [node, prefixes.map(formatPrefix)]));
}

/** How the addresses of layer 2 are spread over the nodes. */
function ownedByNode(announced: readonly Pick<Announced, "owner">[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { owner } of announced) {
    if (owner !== undefined) counts[owner] = (counts[owner] ?? 0) + 1;
  }
  return counts;
}
