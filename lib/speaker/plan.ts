import type { Config, Pool } from "../config/types.ts";
import type {
  EndpointFacts,
  NodeFacts,
  ServiceFacts,
  ServiceKey,
  SliceFacts,
} from "../model/facts.ts";
import { familyOf, formatIp, type Ip } from "../net/ip.ts";
import { rankCandidates } from "./election.ts";
import { rangeContains } from "../net/range.ts";

/** Whose rule of owners: MetalLB v0.11 and later, or v0.10. */
export type ElectionRule = "v0.11" | "v0.10";

/** What this speaker sees of the cluster. */
export interface SpeakerView {
  readonly config: Config;
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  /** Nodes with a live speaker; undefined counts every node. */
  readonly liveSpeakers: ReadonlySet<string> | undefined;
  /** This node's name. */
  readonly self: string;
  readonly election: ElectionRule;
  /** Nodes labelled exclude-from-external-load-balancers stay candidates. */
  readonly ignoreExcludeLabel: boolean;
  readonly lbClass: string | undefined;
}

/** One node's chance to own an address. `reason` says why it is no candidate. */
export interface Candidate {
  readonly node: string;
  readonly eligible: boolean;
  readonly reason?: string;
}

/** Why nobody announces an address, as a word for metrics and a sentence for people. */
export type SilentReason =
  | "not-in-pool"
  | "ipv6-not-announced"
  | "bgp-not-announced"
  | "no-ready-endpoint"
  | "no-candidate";

export interface AddressPlan {
  readonly ip: Ip;
  /** The Services behind it, by name. */
  readonly services: readonly ServiceKey[];
  readonly pool: string | undefined;
  readonly owner: string | undefined;
  /** Candidates in the order of the election, then the others by name. */
  readonly candidates: readonly Candidate[];
  readonly announce: boolean;
  readonly silent: SilentReason | undefined;
  /** Why this node announces it, or why not. */
  readonly reason: string;
}

const SILENT_TEXT: Readonly<Record<SilentReason, string>> = {
  "not-in-pool": "no pool of the configuration has this address",
  "ipv6-not-announced": "this version announces IPv4 only",
  "bgp-not-announced": "its pool has protocol bgp, which this version does not announce",
  "no-ready-endpoint": "no endpoint of the Service is ready",
  "no-candidate": "no node can announce it",
};

/**
 * Decides who announces one address (MetalLB speaker/layer2_controller.go): the same on every node
 * that sees the same. `services` are those that have the address in their status; several share it,
 * and it still has one owner.
 */
export function planAddress(
  ip: Ip,
  services: readonly ServiceFacts[],
  slicesOf: (service: ServiceKey) => Iterable<SliceFacts>,
  view: SpeakerView,
): AddressPlan {
  const sorted = services.filter((facts) => isAnnounced(facts, view.lbClass))
    .sort((a, b) => a.key < b.key ? -1 : 1);
  const keys = sorted.map(({ key }) => key);
  const pool = poolOf(view.config, ip);
  const because = (silent: SilentReason, candidates: readonly Candidate[] = []): AddressPlan => ({
    ip,
    services: keys,
    pool: pool?.name,
    owner: undefined,
    candidates,
    announce: false,
    silent,
    reason: SILENT_TEXT[silent],
  });
  if (pool === undefined) return because("not-in-pool");
  if (pool.protocol === "bgp") return because("bgp-not-announced");
  if (familyOf(ip) === 6) return because("ipv6-not-announced");
  const served = sorted.map((facts) => ({ facts, on: servingNodes(slicesOf(facts.key)) }))
    .filter(({ on }) => on !== undefined);
  const first = served[0]?.facts;
  if (first === undefined) return because("no-ready-endpoint");
  const verdicts = judgeNodes(
    served.map(({ facts, on }) => ({ facts, on: on ?? new Set() })),
    view,
  );
  const candidates = rank(verdicts, saltOf(first, view.election));
  const owner = candidates.find(({ eligible }) => eligible)?.node;
  if (owner === undefined) {
    const plan = because("no-candidate", candidates);
    const first = candidates.slice(0, 3).map(({ node, reason }) => `${node}: ${reason}`);
    return {
      ...plan,
      reason: `${plan.reason} (${first.join("; ")}${candidates.length > 3 ? "; …" : ""})`,
    };
  }
  const announce = owner === view.self;
  const reason = announce ? "owner" : whyNotSelf(candidates, owner, view.self);
  return {
    ip,
    services: keys,
    pool: pool.name,
    owner,
    candidates,
    announce,
    silent: undefined,
    reason,
  };
}

/** Whether a Service's addresses are ours to announce at all (rule A13 holds for speakers too). */
export function isAnnounced(facts: ServiceFacts, lbClass: string | undefined): boolean {
  return facts.isLoadBalancer && facts.loadBalancerClass === lbClass;
}

function poolOf(config: Config, ip: Ip): Pool | undefined {
  return config.pools.find(({ ranges }) => ranges.some((range) => rangeContains(range, ip)));
}

function saltOf(facts: ServiceFacts, rule: ElectionRule): string {
  const [first] = facts.assigned;
  return rule === "v0.10" || first === undefined ? facts.key : formatIp(first);
}

/**
 * The nodes of the endpoints that can serve, or undefined when there is no such endpoint. Those
 * that terminate and still serve count only where no endpoint is ready: a pod on its way out must
 * not hold an address that another node can serve.
 */
function servingNodes(slices: Iterable<SliceFacts>): ReadonlySet<string> | undefined {
  const endpoints = [...slices].flatMap((slice) => slice.endpoints);
  const ready = endpoints.filter((endpoint) => endpoint.ready && !endpoint.terminating);
  const usable = ready.length > 0 ? ready : endpoints.filter(isStillServing);
  if (usable.length === 0) return undefined;
  return new Set(usable.map(({ nodeName }) => nodeName).filter((name) => name !== undefined));
}

function isStillServing(endpoint: EndpointFacts): boolean {
  return endpoint.terminating ? endpoint.serving : endpoint.ready;
}

interface Served {
  readonly facts: ServiceFacts;
  readonly on: ReadonlySet<string>;
}

function judgeNodes(served: readonly Served[], view: SpeakerView): Candidate[] {
  const names = knownNodes(served, view);
  const verdicts = names.map((node) => judge(node, served, view, true));
  // A node that is not Ready may still forward; where no other can serve it is better than none.
  return verdicts.some(({ eligible }) => eligible)
    ? verdicts
    : names.map((node) => judge(node, served, view, false));
}

/** Without Node objects the endpoints tell of nodes, as in MetalLB without memberlist; else self. */
function knownNodes(served: readonly Served[], view: SpeakerView): string[] {
  if (view.nodes.size > 0) return [...view.nodes.keys()];
  if (view.liveSpeakers !== undefined) return [...view.liveSpeakers];
  const named = new Set(served.flatMap(({ on }) => [...on]));
  return named.size > 0 ? [...named] : [view.self];
}

function judge(
  node: string,
  served: readonly Served[],
  view: SpeakerView,
  needsReady: boolean,
): Candidate {
  const facts = view.nodes.get(node);
  const refused = (reason: string): Candidate => ({ node, eligible: false, reason });
  if (facts !== undefined) {
    if (needsReady && !facts.ready) return refused("the node is not ready");
    if (facts.networkUnavailable) return refused("the node's network is unavailable");
    if (facts.excluded && !view.ignoreExcludeLabel) {
      return refused(
        "the node is labelled node.kubernetes.io/exclude-from-external-load-balancers",
      );
    }
  }
  if (view.liveSpeakers?.has(node) === false) return refused("no live speaker on the node");
  const canServe = served.some(({ facts, on }) => !needsEndpoint(facts, view) || on.has(node));
  if (canServe) return { node, eligible: true };
  // Without Node objects and node names there is one machine, and the endpoint is on it.
  if (view.nodes.size === 0 && served.every(({ on }) => on.size === 0)) {
    return { node, eligible: true };
  }
  return refused("no ready endpoint on the node");
}

function needsEndpoint(facts: ServiceFacts, { election }: SpeakerView): boolean {
  return election === "v0.10" || facts.externalTrafficPolicy === "Local";
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
