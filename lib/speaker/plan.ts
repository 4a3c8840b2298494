import type { Config, Pool, PoolProtocol } from "../config/types.ts";
import type { ServiceFacts, ServiceKey, SliceFacts } from "../model/facts.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import type { Candidate, ElectionRule, SpeakerView } from "./view.ts";
import { judgeNodes, servingNodes } from "./candidates.ts";
import { rankCandidates } from "./election.ts";
import type { Electorate } from "./electorate.ts";
import { rangeContains } from "../net/range.ts";

/** Why nobody announces an address, as a word for metrics and a sentence for people. */
export type SilentReason =
  | "not-in-pool"
  | "no-ready-endpoint"
  | "no-candidate";

export interface AddressPlan {
  readonly ip: Ip;
  /** The Services behind it, by name. */
  readonly services: readonly ServiceKey[];
  readonly pool: string | undefined;
  readonly protocol: PoolProtocol | undefined;
  /** By layer 2 the one node that announces it; by BGP every eligible node does. */
  readonly owner: string | undefined;
  /** Candidates in the order of the election, then the others by name. */
  readonly candidates: readonly Candidate[];
  readonly announce: boolean;
  /** By which the election ranks. */
  readonly salt: string;
  /** This node could still serve it, were it not for the election or its node's state. */
  readonly canLinger: boolean;
  readonly silent: SilentReason | undefined;
  /** Why this node announces it, or why not. */
  readonly reason: string;
}

const SILENT_TEXT: Readonly<Record<SilentReason, string>> = {
  "not-in-pool": "no pool of the configuration has this address",
  "no-ready-endpoint": "no endpoint of the Service is ready",
  "no-candidate": "no node can announce it",
};

/** By BGP each node tells its own routes: no election, and its own speaker lives. */
const ON_EVERY_NODE = { election: "v0.11", liveSpeakers: undefined } as const;

/**
 * Decides who announces one address (MetalLB speaker/layer2_controller.go): the same on every node
 * that sees the same. `services` are those that have the address in their status; several share it,
 * and it still has one owner. With an electorate of the view the plan is made in a thousandth of
 * the time, and of the candidates at most the owner and this node are given.
 */
export function planAddress(
  ip: Ip,
  services: readonly ServiceFacts[],
  slicesOf: (service: ServiceKey) => Iterable<SliceFacts>,
  view: SpeakerView,
  electorate?: Electorate,
): AddressPlan {
  const sorted = services.filter((facts) => isAnnounced(facts, view.lbClass))
    .sort((a, b) => a.key < b.key ? -1 : 1);
  const keys = sorted.map(({ key }) => key);
  const pool = poolWith(view.config, ip);
  const because = (silent: SilentReason, candidates: readonly Candidate[] = []): AddressPlan => ({
    ip,
    services: keys,
    pool: pool?.name,
    protocol: pool?.protocol,
    owner: undefined,
    candidates,
    announce: false,
    salt: "",
    canLinger: false,
    silent,
    reason: SILENT_TEXT[silent],
  });
  if (pool === undefined) return because("not-in-pool");
  const served = sorted.map((facts) => ({ facts, on: servingNodes(slicesOf(facts.key)) }))
    .filter(({ on }) => on !== undefined);
  const first = served[0]?.facts;
  if (first === undefined) return because("no-ready-endpoint");
  const byBgp = pool.protocol === "bgp";
  const asked = served.map(({ facts, on }) => ({ facts, on: on ?? new Set<string>() }));
  const seen = byBgp ? { ...view, ...ON_EVERY_NODE } : view;
  const salt = saltOf(first, view.election);
  const candidates = electorate?.shortList(asked, seen, byBgp, salt) ??
    rank(judgeNodes(asked, seen), salt);
  const foremost = candidates.find(({ eligible }) => eligible)?.node;
  if (foremost === undefined) {
    const plan = because("no-candidate", candidates);
    const first = candidates.slice(0, 3).map(({ node, reason }) => `${node}: ${reason}`);
    return {
      ...plan,
      reason: `${plan.reason} (${first.join("; ")}${candidates.length > 3 ? "; …" : ""})`,
    };
  }
  const announce = byBgp
    ? candidates.some(({ node, eligible }) => eligible && node === view.self)
    : foremost === view.self;
  const reason = announce
    ? byBgp ? "routed here by BGP" : "owner"
    : whyNotSelf(candidates, foremost, view.self);
  return {
    ip,
    services: keys,
    pool: pool.name,
    protocol: pool.protocol,
    owner: byBgp ? undefined : foremost,
    candidates,
    announce,
    salt,
    canLinger: served.some(({ facts, on }) =>
      facts.externalTrafficPolicy !== "Local" || on?.has(view.self) === true
    ),
    silent: undefined,
    reason,
  };
}

/** Whether a Service's addresses are ours to announce at all (rule A13 holds for speakers too). */
export function isAnnounced(facts: ServiceFacts, lbClass: string | undefined): boolean {
  return facts.isLoadBalancer && facts.loadBalancerClass === lbClass;
}

/** The pool that has the address. */
export function poolWith(config: Config, ip: Ip): Pool | undefined {
  return config.pools.find(({ ranges }) => ranges.some((range) => rangeContains(range, ip)));
}

function saltOf(facts: ServiceFacts, rule: ElectionRule): string {
  const [first] = facts.assigned;
  return rule === "v0.10" || first === undefined ? facts.key : formatIp(first);
}

function rank(verdicts: readonly Candidate[], salt: string): Candidate[] {
  const eligible = verdicts.filter((one) => one.eligible);
  const order = rankCandidates(eligible.map(({ node }) => node), salt);
  const others = verdicts.filter((one) => !one.eligible).sort((a, b) => a.node < b.node ? -1 : 1);
  return [...order.map((node) => ({ node, eligible: true })), ...others];
}

function whyNotSelf(candidates: readonly Candidate[], owner: string, self: string): string {
  const own = candidates.find(({ node }) => node === self);
  if (own === undefined) {
    return `this node ("${self}") is not known to the cluster; ${owner} announces`;
  }
  return own.eligible
    ? `${owner} comes first in the election`
    : `${own.reason}; ${owner} announces`;
}
