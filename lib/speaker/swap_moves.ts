import { advertisedWith } from "../config/advertised.ts";
import type { Config } from "../config/types.ts";
import type { NodeFacts, ServiceFacts, ServiceKey, SliceFacts } from "../model/facts.ts";
import { isOurClass } from "../model/service_class.ts";
import { compareIp, formatIp, type Ip } from "../net/ip.ts";
import { COMPAT } from "./compat.ts";
import { createElections, type Electorate } from "./electorate.ts";
import { judgementOf, type MetallbVersion } from "./judgement.ts";
import { addressesOf, type NodeAddresses } from "./node_addresses.ts";
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

/** An address that BGP routes to these nodes by MetalLB's judgement, and not by Herald's. */
export interface LostRoute {
  readonly ip: string;
  readonly from: readonly string[];
  /** Those that it would still be routed to. */
  readonly left: readonly string[];
  /** Why not to the first of `from`. */
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

type Rules = Pick<SpeakerView, "election" | "judgement" | "nodeAddresses">;

/** Up to v0.12 MetalLB knows no classes, and serves all Services. */
const WITHOUT_CLASSES: ReadonlySet<MetallbVersion> = new Set(["v0.10", "v0.12"]);
const NOBODYS: NodeAddresses = new Map();

/**
 * Forecasts which addresses of layer 2 move when Herald takes the place of a MetalLB: what is not
 * alike in how the two judge nodes and Services, and in v0.10's election.
 */
export function swapMoves(holding: Holding, version: MetallbVersion): SwapMove[] {
  return movesOf(compare(holding, rulesOf(holding, version), WITHOUT_CLASSES.has(version)));
}

/** The same of the routes that BGP tells. */
export function lostRoutes(holding: Holding, version: MetallbVersion): LostRoute[] {
  const { config, speakers } = holding;
  const compared = compare(holding, rulesOf(holding, version), WITHOUT_CLASSES.has(version));
  return compared.ips.flatMap((ip) => {
    if ((advertisedWith(config, ip)?.bgp ?? []).length === 0) return [];
    const eligible = ({ candidates: { bgp = [] } }: AddressPlan) =>
      bgp.filter((one) => one.eligible && speakers?.has(one.node) !== false)
        .map(({ node }) => node).sort();
    const after = compared.after(ip);
    const left = eligible(after);
    const from = eligible(compared.before(ip)).filter((node) => !left.includes(node));
    const [first] = from;
    if (first === undefined) return [];
    const why = compared.notOurs(ip) ??
      after.candidates.bgp?.find(({ node }) => node === first)?.reason ?? after.reason;
    return [{ ip: formatIp(ip), from, left, why }];
  });
}

/** Moves for the label that excludes nodes alone, which a MetalLB up to v0.13 does not heed. */
export function labelMoves(holding: Holding): SwapMove[] {
  const { nodes } = holding;
  if (![...nodes.values()].some(({ excluded }) => excluded)) return [];
  const judgement = judgementOf("Herald", true, nodes);
  const nodeAddresses = addressesOf(nodes.values());
  return movesOf(compare(holding, { election: "v0.11", judgement, nodeAddresses }, false));
}

function rulesOf({ nodes }: Holding, version: MetallbVersion): Rules {
  const judgement = judgementOf(version, false, nodes);
  return { election: COMPAT[version].election, judgement, nodeAddresses: NOBODYS };
}

/** How two plan for each address. */
interface Compared {
  readonly ips: readonly Ip[];
  before(ip: Ip, electorate?: Electorate): AddressPlan;
  /** Without a node of its own the plan is nobody's. */
  after(ip: Ip, electorate?: Electorate, self?: string): AddressPlan;
  /** Why Herald leaves the Services of the address alone; undefined when it does not. */
  notOurs(ip: Ip): string | undefined;
}

function compare(holding: Holding, rules: Rules, servesAll: boolean): Compared {
  const { lbClass, nodes, services, slices } = holding;
  const behind = new Map<Ip, ServiceFacts[]>();
  for (const facts of services) {
    for (const ip of facts.assigned) behind.set(ip, [...behind.get(ip) ?? [], facts]);
  }
  const slicesBy = Map.groupBy(slices, ({ service }) => service);
  const slicesOf = (key: ServiceKey) => slicesBy.get(key) ?? [];
  const of = (ip: Ip) => behind.get(ip) ?? [];
  const asServed = (facts: ServiceFacts) =>
    servesAll ? { ...facts, loadBalancerClass: lbClass } : facts;
  const theirs = viewOf(holding, rules);
  const heralds = viewOf(holding, {
    election: "v0.11",
    judgement: judgementOf("Herald", false, nodes),
    nodeAddresses: addressesOf(nodes.values()),
  });
  return {
    // Of a cluster without Nodes nothing can be foretold.
    ips: nodes.size === 0 ? [] : [...behind.keys()].sort(compareIp),
    before: (ip, electorate) => planAddress(ip, of(ip).map(asServed), slicesOf, theirs, electorate),
    after: (ip, electorate, self = "") =>
      planAddress(ip, of(ip), slicesOf, { ...heralds, self }, electorate),
    notOurs(ip) {
      const [first] = of(ip);
      if (of(ip).some((facts) => isOurClass(facts, lbClass))) return undefined;
      return first?.loadBalancerClass === undefined
        ? `Service ${first?.key} has no loadBalancerClass: with --lb-class=${lbClass} Herald leaves it alone`
        : `Service ${first.key} has the loadBalancerClass ${first.loadBalancerClass}, which Herald ` +
          "leaves alone without --lb-class";
    },
  };
}

function movesOf({ after, before, ips, notOurs }: Compared): SwapMove[] {
  const [theirs, heralds] = [createElections().open(), createElections().open()];
  return ips.flatMap((ip) => {
    const from = before(ip, theirs).announce.layer2?.owner;
    const to = after(ip, heralds).announce.layer2?.owner;
    if (from === undefined || from === to) return [];
    const why = notOurs(ip) ?? after(ip, undefined, from).announce.layer2?.reason ?? "";
    return [{ ip: formatIp(ip), from, to, why }];
  });
}

function viewOf({ config, lbClass, nodes, speakers }: Holding, rules: Rules): SpeakerView {
  return {
    config,
    nodes,
    liveSpeakers: speakers,
    staleSpeakers: new Set(),
    self: "",
    lbClass,
    ...rules,
  };
}
