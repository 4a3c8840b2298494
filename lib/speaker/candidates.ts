import { selectsLabels } from "../config/selectors.ts";
import type { Advertisement } from "../config/types.ts";
import type { ServiceFacts, SliceFacts } from "../model/facts.ts";
import { LABEL } from "../model/names.ts";
import type { Family, Ip } from "../net/ip.ts";
import { prefixContains } from "../net/prefix.ts";
import type { Judgement } from "./judgement.ts";
import type { Candidate, SpeakerView } from "./view.ts";

/**
 * The nodes of the endpoints that can serve an address of this family, or undefined when there is
 * no such endpoint. What is ready serves, even while it terminates: that is how Kubernetes writes
 * publishNotReadyAddresses. Others that terminate and still serve count, by Herald's own rules,
 * where no endpoint is ready: a pod on its way out must not hold an address that another node can
 * serve.
 */
export function servingNodes(
  slices: Iterable<SliceFacts>,
  family: Family,
  { familiesApart, terminating }: Judgement,
): ReadonlySet<string> | undefined {
  const all = [...slices];
  const own = familiesApart ? all.filter((slice) => slice.family === family) : [];
  // Kubernetes has a slice for each family of a Service, be it empty; manifests written by hand may
  // have one for both.
  const endpoints = (own.length > 0 ? own : all).flatMap((slice) => slice.endpoints);
  const ready = endpoints.filter((endpoint) =>
    endpoint.ready || (terminating === "like ready ones" && endpoint.serving)
  );
  const usable = ready.length > 0 || terminating !== "where none is ready"
    ? ready
    : endpoints.filter((endpoint) => endpoint.terminating && endpoint.serving);
  if (usable.length === 0) return undefined;
  return new Set(usable.map(({ nodeName }) => nodeName).filter((name) => name !== undefined));
}

/** A Service and the nodes of its endpoints. */
export interface Served {
  readonly facts: ServiceFacts;
  readonly on: ReadonlySet<string>;
}

/** What one address is judged by: its Services, and the advertisements that count for them. */
export interface Offer {
  readonly served: readonly Served[];
  readonly advertisements: readonly Advertisement[];
  /** The nodes whose own address it is: no other may answer for it. */
  readonly ownAddressOf?: ReadonlySet<string>;
  /** Nodes on which nobody could ask for it. */
  readonly cutOffFrom?: ReadonlySet<string>;
}

/** The nodes of which no interface leads to the address any more; undefined: there is none. */
export function cutOffFrom(ip: Ip, { cutOff }: SpeakerView): ReadonlySet<string> | undefined {
  const nodes = new Set<string>();
  for (const [node, prefixes] of cutOff ?? []) {
    if (prefixes.some((prefix) => prefixContains(prefix, ip))) nodes.add(node);
  }
  return nodes.size === 0 ? undefined : nodes;
}

/** Which nodes can announce the address, and why the others cannot. */
export function judgeNodes(offer: Offer, view: SpeakerView): Candidate[] {
  const names = knownNodes(offer.served, view);
  const verdicts = names.map((node) => judge(node, offer, view, true));
  // A node that is not Ready, or sees nothing new, may still forward: better than none.
  return verdicts.some(({ eligible }) => eligible)
    ? verdicts
    : names.map((node) => judge(node, offer, view, false));
}

/** Without Node objects the endpoints tell of nodes, as in MetalLB without memberlist; else self. */
function knownNodes(served: readonly Served[], view: SpeakerView): string[] {
  if (view.nodes.size > 0) return [...view.nodes.keys()];
  if (view.liveSpeakers !== undefined) return [...view.liveSpeakers];
  const named = new Set(served.flatMap(({ on }) => [...on]));
  return named.size > 0 ? [...named] : [view.self];
}

/** Why the address is not for the node, whatever the state of the cluster; undefined when it may be. */
export function hindranceOf(
  node: string,
  { advertisements, cutOffFrom, ownAddressOf }: Offer,
  view: SpeakerView,
): string | undefined {
  if (!isSelected(node, advertisements, view)) return "no advertisement selects the node";
  if (ownAddressOf?.has(node) === false) {
    return `it is the own address of node ${[...ownAddressOf].join(", ")}`;
  }
  return cutOffFrom?.has(node) === true
    ? "no interface of the node leads to the address any more"
    : undefined;
}

/** Whether one node can announce the address, and why not. */
export function judge(
  node: string,
  offer: Offer,
  view: SpeakerView,
  needsReady: boolean,
): Candidate {
  const { served } = offer;
  const reason = hindranceOf(node, offer, view) ?? refusalOf(node, view, needsReady);
  if (reason !== undefined) return { node, eligible: false, reason };
  const canServe = served.some(({ facts, on }) => !needsEndpoint(facts, view) || on.has(node));
  if (canServe) return { node, eligible: true };
  // Without Node objects and node names there is one machine, and the endpoint is on it.
  if (view.nodes.size === 0 && served.every(({ on }) => on.size === 0)) {
    return { node, eligible: true };
  }
  return { node, eligible: false, reason: "no ready endpoint on the node" };
}

/** Why a node with the label is no candidate. */
const EXCLUDED = `the node is labelled ${LABEL.excludeNode}`;

/**
 * Of an address that no node can announce: the candidates as they would be without the label, where
 * that is what keeps any of them out.
 */
export function withoutLabel(
  candidates: readonly Candidate[],
  offer: Offer,
  view: SpeakerView,
): Candidate[] {
  if (!candidates.some(({ reason }) => reason === EXCLUDED)) return [];
  return judgeNodes(offer, { ...view, judgement: { ...view.judgement, excludes: false } });
}

/** Whether any of the advertisements selects the node. */
export function isSelected(
  node: string,
  advertisements: readonly Advertisement[],
  { nodes }: SpeakerView,
): boolean {
  return advertisements.some(({ nodeSelectors }) =>
    nodeSelectors.length === 0 || selectsLabels(nodeSelectors, labelsOf(nodes, node))
  );
}

/** A node's labels; one without Node object has its name alone. */
export function labelsOf(
  nodes: SpeakerView["nodes"],
  node: string,
): ReadonlyMap<string, string> {
  return nodes.get(node)?.labels ?? new Map([[LABEL.hostname, node]]);
}

/** Why a node can announce nothing, whatever is behind it; undefined when it may. */
export function refusalOf(
  node: string,
  view: SpeakerView,
  needsReady: boolean,
): string | undefined {
  const facts = view.nodes.get(node);
  if (facts !== undefined) {
    const { excludes, needsNetwork, prefersReady } = view.judgement;
    if (needsReady && prefersReady && !facts.ready) return "the node is not ready";
    if (needsNetwork && facts.networkUnavailable) return "the node's network is unavailable";
    if (facts.excluded && excludes === true) return EXCLUDED;
  }
  // Like a node that is not Ready: where no other can serve, what it saw last is better than nothing.
  if (needsReady && view.staleSpeakers.has(node)) {
    return "its speaker's view of the cluster is stale";
  }
  return view.liveSpeakers?.has(node) === false ? "no live speaker on the node" : undefined;
}

/** Whether the Service is announced only where one of its endpoints is. */
export function needsEndpoint(facts: ServiceFacts, { election }: SpeakerView): boolean {
  return election === "v0.10" || facts.externalTrafficPolicy === "Local";
}
