import { PROTOCOLS } from "../../config/types.ts";
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
  const faultOf = ({ announce, ip }: KeptPlan) =>
    announce.layer2?.here && problem !== undefined
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
      const routed = plan.announce.bgp?.here === true;
      const protocols = PROTOCOLS.filter((protocol) => plan.announce[protocol] !== undefined);
      return {
        ip: formatIp(plan.ip),
        services: plan.services,
        protocol: protocols.length === 0 ? undefined : protocols.join(", "),
        owner: plan.announce.layer2?.owner,
        announcing: (plan.announce.layer2?.here === true && fault === undefined) || routed,
        routes: routed ? bgp.routesOf(plan.ip) : [],
        reason: fault ?? plan.reason,
      };
    }),
  };
}

/** How the addresses of layer 2 are spread over the nodes. */
function ownedByNode(plans: readonly KeptPlan[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { announce: { layer2 } } of plans) {
    if (layer2?.owner !== undefined) counts[layer2.owner] = (counts[layer2.owner] ?? 0) + 1;
  }
  return counts;
}
