import { formatMac } from "../../net/ethernet.ts";
import { compareIp, formatIp } from "../../net/ip.ts";
import type { RunOptions } from "../process/options.ts";
import type { KeptPlan } from "./plans.ts";
import type { SpeakerStatus } from "../../status/types.ts";
import type { Bgp } from "../linux/bgp/bgp.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import type { Membership } from "./membership.ts";

/** What a speaker's status is made of. */
export interface StatusParts {
  readonly node: string;
  readonly options: Pick<RunOptions, "election" | "ignoreExcludeLabel">;
  /** Nodes that this one takes for live; undefined: all. */
  readonly live: ReadonlySet<string> | undefined;
  readonly plans: Iterable<KeptPlan>;
  readonly layer2: Layer2;
  readonly bgp: Bgp;
  readonly membership: Membership | undefined;
}

/** What this node announces, to whom and with whom. */
export function speakerStatus(parts: StatusParts): SpeakerStatus {
  const { node, layer2, bgp, membership } = parts;
  const plans = [...parts.plans].sort((a, b) => compareIp(a.ip, b.ip));
  const problem = layer2.problem();
  // The owner of an address that cannot be answered for, or is held back, announces nothing.
  const faultOf = ({ announce, ip, protocol }: KeptPlan) =>
    announce && protocol === "layer2" && problem !== undefined
      ? `layer 2 does not work: ${problem}`
      : layer2.heldBack(ip);
  return {
    node,
    election: parts.options.election,
    ignoreExcludeLabel: parts.options.ignoreExcludeLabel,
    live: parts.live && [...parts.live].sort(),
    backend: layer2.backend,
    interfaces: layer2.interfaces().map(({ name, mac }) => ({ name, mac: formatMac(mac) })),
    peers: bgp.status(),
    members: membership?.describe(),
    owned: ownedByNode(plans),
    conflicts: layer2.conflicts().map(({ ip, mac }) => ({ ip: formatIp(ip), mac: formatMac(mac) })),
    addresses: plans.map((plan) => {
      const fault = faultOf(plan);
      return {
        ip: formatIp(plan.ip),
        services: plan.services,
        protocol: plan.protocol,
        owner: plan.owner,
        announcing: plan.announce && fault === undefined,
        routes: plan.protocol === "bgp" && plan.announce ? bgp.routesOf(plan.ip) : [],
        reason: fault ?? plan.reason,
      };
    }),
  };
}

/** How the addresses of layer 2 are spread over the nodes. */
function ownedByNode(plans: readonly KeptPlan[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { owner } of plans) if (owner !== undefined) counts[owner] = (counts[owner] ?? 0) + 1;
  return counts;
}
