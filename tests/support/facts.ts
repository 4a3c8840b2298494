import type { EndpointFacts, NodeFacts, ServiceKey, SliceFacts } from "../../lib/model/facts.ts";
import { judgementOf } from "../../lib/speaker/judgement.ts";
import { addressesOf } from "../../lib/speaker/node_addresses.ts";
import type { Beside } from "../../lib/speaker/judgement.ts";
import type { SpeakerView } from "../../lib/speaker/view.ts";
import { config } from "../controller/fixture.ts";

/** Herald's own, where some node has not the label that excludes it. */
export const OWN_RULES = judgementOf("Herald", false, new Map());

/** A ready node without labels, unless told otherwise. */
export function node(name: string, part: Partial<NodeFacts> = {}): NodeFacts {
  return {
    name,
    labels: new Map(),
    ready: true,
    networkUnavailable: false,
    excluded: false,
    addresses: [],
    ...part,
  };
}

/** By name, as a speaker sees them. */
export function nodesOf(...nodes: NodeFacts[]): Map<string, NodeFacts> {
  return new Map(nodes.map((one) => [one.name, one]));
}

/** A ready endpoint, unless told otherwise. */
export function endpoint(
  nodeName: string | undefined,
  part: Partial<EndpointFacts> = {},
): EndpointFacts {
  return {
    addresses: ["10.1.0.1"],
    nodeName,
    ready: true,
    serving: part.ready ?? true,
    terminating: false,
    ...part,
  };
}

/** The slice `KEY-1` of a Service. */
export function slice(key: ServiceKey, ...endpoints: EndpointFacts[]): SliceFacts {
  return { key: `${key}-1`, service: key, family: undefined, endpoints };
}

/** These speakers of MetalLB beside one of Herald's, of whose gossip only the key is known. */
export function metallbOn(
  nodes: Iterable<string>,
  keyBytes: number | undefined,
  part: Partial<Beside> = {},
): Beside {
  return { nodes: new Set(nodes), keyBytes, older: new Set(), newer: new Set(), ...part };
}

/** What `node1` sees of a cluster without pools and nodes, unless told otherwise. */
export function speakerView(part: Partial<SpeakerView> = {}): SpeakerView {
  return {
    config: config(),
    nodes: new Map(),
    liveSpeakers: undefined,
    staleSpeakers: new Set(),
    self: "node1",
    election: "v0.11",
    judgement: OWN_RULES,
    nodeAddresses: addressesOf(part.nodes?.values() ?? []),
    lbClass: undefined,
    ...part,
  };
}
