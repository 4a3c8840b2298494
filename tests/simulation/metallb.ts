import { createHash } from "node:crypto";
import type { NodeFacts, ServiceFacts, SliceFacts } from "../../lib/model/facts.ts";
import { formatIp } from "../../lib/net/ip.ts";
import type { MetallbVersion } from "../../lib/speaker/judgement.ts";

/** What MetalLB's speakers see of a cluster. */
export interface Cluster {
  readonly nodes: readonly NodeFacts[];
  /** Names of the nodes whose speaker, of whatever make, is a member of the gossip. */
  readonly members: readonly string[];
  readonly service: ServiceFacts;
  readonly slices: readonly SliceFacts[];
}

/**
 * The second machine: whom a layer 2 speaker of MetalLB takes for the owner, by its ShouldAnnounce().
 * Written from what its sources decide, not from Herald's.
 */
export function metallbOwner(version: MetallbVersion, cluster: Cluster): string | undefined {
  const { members, nodes, service, slices } = cluster;
  const isActive = ({ ready, serving }: SliceFacts["endpoints"][number]) =>
    version === "v0.16" ? ready || serving : ready;
  const active = slices.flatMap(({ endpoints }) => endpoints).filter(isActive);
  if (active.length === 0) return undefined;
  const speakers = members.filter((name) => {
    const node = nodes.find((one) => one.name === name);
    return version !== "v0.16" || !(node?.networkUnavailable || node?.excluded);
  });
  const needsEndpoint = version === "v0.10" || service.externalTrafficPolicy === "Local";
  const usable = speakers.filter((name) =>
    !needsEndpoint || active.some(({ nodeName }) => nodeName === name)
  );
  const [first] = service.assigned;
  const salt = version === "v0.10" || first === undefined ? service.key : formatIp(first);
  return firstOf(usable, salt);
}

/** The first of its election. */
export function firstOf(names: readonly string[], salt: string): string | undefined {
  const rank = (name: string) => createHash("sha256").update(`${name}#${salt}`).digest("hex");
  return names.toSorted((a, b) => rank(a) < rank(b) ? -1 : 1)[0];
}
