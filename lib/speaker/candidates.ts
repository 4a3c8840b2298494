import { selectsLabels } from "../config/selectors.ts";
import type { Advertisement } from "../config/types.ts";
import type { EndpointFacts, ServiceFacts, SliceFacts } from "../model/facts.ts";
import { LABEL } from "../model/names.ts";
import type { Candidate, SpeakerView } from "./view.ts";

/**
 * The nodes of the endpoints that can serve, or undefined when there is no such endpoint. Those
 * that terminate and still serve count only where no endpoint is ready: a pod on its way out must
 * not hold an address that another node can serve.
 */
export function servingNodes(slices: Iterable<SliceFacts>): ReadonlySet<string> | undefined {
  const endpoints = [...slices].flatMap((slice) => slice.endpoints);
  const ready = endpoints.filter((endpoint) => endpoint.ready && !endpoint.terminating);
  const usable = ready.length > 0 ? ready : endpoints.filter(isStillServing);
  if (usable.length === 0) return undefined;
  return new Set(usable.map(({ nodeName }) => nodeName).filter((name) => name !== undefined));
}

function isStillServing(endpoint: EndpointFacts): boolean {
  return endpoint.terminating ? endpoint.serving : endpoint.ready;
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
}

/** Which nodes can announce the address, and why the others cannot. */
export function judgeNodes(offer: Offer, view: SpeakerView): Candidate[] {
  const names = knownNodes(offer.served, view);
  const verdicts = names.map((node) => judge(node, offer, view, true));
  // A node that is not Ready may still forward; where no other can serve it is better than none.
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

/** Whether one node can announce the address, and why not. */
export function judge(
  node: string,
  { served, advertisements }: Offer,
  view: SpeakerView,
  needsReady: boolean,
): Candidate {
  const reason = isSelected(node, advertisements, view)
    ? refusalOf(node, view, needsReady)
    : "no advertisement selects the node";
  if (reason !== undefined) return { node, eligible: false, reason };
  const canServe = served.some(({ facts, on }) => !needsEndpoint(facts, view) || on.has(node));
  if (canServe) return { node, eligible: true };
  // Without Node objects and node names there is one machine, and the endpoint is on it.
  if (view.nodes.size === 0 && served.every(({ on }) => on.size === 0)) {
    return { node, eligible: true };
  }
  return { node, eligible: false, reason: "no ready endpoint on the node" };
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
    if (needsReady && !facts.ready) return "the node is not ready";
    if (facts.networkUnavailable) return "the node's network is unavailable";
    if (facts.excluded && !view.ignoreExcludeLabel) {
      return "the node is labelled node.kubernetes.io/exclude-from-external-load-balancers";
    }
  }
  return view.liveSpeakers?.has(node) === false ? "no live speaker on the node" : undefined;
}

/** Whether the Service is announced only where one of its endpoints is. */
export function needsEndpoint(facts: ServiceFacts, { election }: SpeakerView): boolean {
  return election === "v0.10" || facts.externalTrafficPolicy === "Local";
}
