import type { Config } from "../config/types.ts";
import type { NodeFacts, ServiceFacts, ServiceKey, SliceFacts } from "../model/facts.ts";
import { compareIp, formatIp, type Ip } from "../net/ip.ts";
import { COMPAT } from "./compat.ts";
import { createElections, type Electorate } from "./electorate.ts";
import { judgementOf, type MetallbVersion } from "./judgement.ts";
import { addressesOf } from "./node_addresses.ts";
import { type AddressPlan, planAddress } from "./plan.ts";
import type { SpeakerView } from "./view.ts";

/** An address of layer 2 that one node announces by MetalLB's judgement, and another by Herald's. */
export interface SwapMove {
  readonly ip: string;
  readonly from: string;
  /** Undefined: nobody would announce it. */
  readonly to: string | undefined;
  /** Why Herald does not leave it with `from`. */
  readonly why: string;
}

/** What the cluster holds. */
interface Holding {
  readonly config: Config;
  readonly services: Iterable<ServiceFacts>;
  readonly slices: readonly SliceFacts[];
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  /** Nodes with a speaker; undefined: each. */
  readonly speakers?: ReadonlySet<string> | undefined;
  readonly lbClass: string | undefined;
}

type Rules = Pick<SpeakerView, "election" | "judgement">;

/**
 * Forecasts which addresses of layer 2 move when Herald takes the place of a MetalLB: what is not
 * alike in how the two judge nodes, and in v0.10's election.
 */
export function swapMoves(holding: Holding, version: MetallbVersion): SwapMove[] {
  const { election } = COMPAT[version];
  const judgement = judgementOf(version, false, holding.nodes);
  return movesBetween(holding, { election, judgement });
}

/** The same of the label that excludes nodes alone, which a MetalLB up to v0.13 does not heed. */
export function labelMoves(holding: Holding): SwapMove[] {
  const { nodes } = holding;
  if (![...nodes.values()].some(({ excluded }) => excluded)) return [];
  return movesBetween(holding, {
    election: "v0.11",
    judgement: judgementOf("Herald", true, nodes),
  });
}

function movesBetween(holding: Holding, before: Rules): SwapMove[] {
  const { services, slices, nodes } = holding;
  const behind = new Map<Ip, ServiceFacts[]>();
  for (const facts of services) {
    for (const ip of facts.assigned) behind.set(ip, [...behind.get(ip) ?? [], facts]);
  }
  const slicesBy = Map.groupBy(slices, ({ service }) => service);
  const slicesOf = (key: ServiceKey) => slicesBy.get(key) ?? [];
  const plan = (ip: Ip, view: SpeakerView, electorate?: Electorate): AddressPlan =>
    planAddress(ip, behind.get(ip) ?? [], slicesOf, view, electorate);
  const owners = (view: SpeakerView) => {
    const electorate = createElections().open();
    return (ip: Ip) => plan(ip, view, electorate).announce.layer2?.owner;
  };
  const after: Rules = { election: "v0.11", judgement: judgementOf("Herald", false, nodes) };
  const heralds = viewOf(holding, after);
  const [fromOf, toOf] = [owners(viewOf(holding, before)), owners(heralds)];
  return [...behind.keys()].sort(compareIp).flatMap((ip) => {
    const [from, to] = [fromOf(ip), toOf(ip)];
    if (from === undefined || from === to) return [];
    const why = plan(ip, { ...heralds, self: from }).announce.layer2?.reason ?? "";
    return [{ ip: formatIp(ip), from, to, why }];
  });
}

function viewOf({ config, lbClass, nodes, speakers }: Holding, rules: Rules): SpeakerView {
  return {
    config,
    nodes,
    nodeAddresses: addressesOf(nodes.values()),
    liveSpeakers: speakers,
    staleSpeakers: new Set(),
    self: "",
    lbClass,
    ...rules,
  };
}
