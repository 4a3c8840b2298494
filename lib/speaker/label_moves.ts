import type { Config } from "../config/types.ts";
import type { NodeFacts, ServiceFacts, ServiceKey, SliceFacts } from "../model/facts.ts";
import { compareIp, formatIp, type Ip } from "../net/ip.ts";
import { createElections } from "./electorate.ts";
import { judgementOf } from "./judgement.ts";
import { addressesOf } from "./node_addresses.ts";
import { planAddress } from "./plan.ts";
import type { SpeakerView } from "./view.ts";

/** An address that one node announces where nodes labelled exclude-… count, and another, or none, else. */
export interface LabelMove {
  readonly ip: string;
  readonly from: string;
  /** Undefined: nobody would announce it. */
  readonly to: string | undefined;
}

/** What the cluster holds. */
interface Holding {
  readonly config: Config;
  readonly services: Iterable<ServiceFacts>;
  readonly slices: readonly SliceFacts[];
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  readonly lbClass: string | undefined;
}

/**
 * Forecasts which addresses of layer 2 move when Herald, which leaves nodes with the label out, takes
 * the place of a MetalLB up to v0.13, which does not.
 */
export function labelMoves({ config, services, slices, nodes, lbClass }: Holding): LabelMove[] {
  if (![...nodes.values()].some(({ excluded }) => excluded)) return [];
  const behind = new Map<Ip, ServiceFacts[]>();
  for (const facts of services) {
    for (const ip of facts.assigned) behind.set(ip, [...behind.get(ip) ?? [], facts]);
  }
  const slicesBy = Map.groupBy(slices, ({ service }) => service);
  const slicesOf = (key: ServiceKey) => slicesBy.get(key) ?? [];
  const ownerBy = (ignoreExcludeLabel: boolean) => {
    const view: SpeakerView = {
      config,
      nodes,
      nodeAddresses: addressesOf(nodes.values()),
      liveSpeakers: undefined,
      staleSpeakers: new Set(),
      self: "",
      election: "v0.11",
      judgement: judgementOf("Herald", ignoreExcludeLabel, nodes),
      lbClass,
    };
    const electorate = createElections().open();
    return (ip: Ip) =>
      planAddress(ip, behind.get(ip) ?? [], slicesOf, view, electorate).announce.layer2?.owner;
  };
  const [before, after] = [ownerBy(true), ownerBy(false)];
  return [...behind.keys()].sort(compareIp).flatMap((ip) => {
    const [from, to] = [before(ip), after(ip)];
    return from === undefined || from === to ? [] : [{ ip: formatIp(ip), from, to }];
  });
}
