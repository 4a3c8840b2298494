import { type Instant, instant } from "../../base/time.ts";
import { readNode, readPod, sharingSliceReader, speakersAlive } from "../../model/cluster.ts";
import type { NodeFacts, PodFacts, ServiceFacts, SliceFacts } from "../../model/facts.ts";
import { readService } from "../../model/service.ts";
import { addressesOf, type NodeAddresses } from "../../speaker/node_addresses.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import type { Change, Watched, WatchOptions } from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";

/** What the cluster's objects give a speaker to decide. */
export type FactEvent =
  | { readonly kind: "service"; readonly change: Change<ServiceFacts> }
  | { readonly kind: "slice"; readonly change: Change<SliceFacts> }
  | { readonly kind: "nodes" }
  | { readonly kind: "pods" };

/** What the cluster's objects tell a speaker. */
export interface Facts {
  services(): ReadonlyMap<string, ServiceFacts>;
  /** By name; the same map until a node changes. */
  nodes(): ReadonlyMap<string, NodeFacts>;
  /** Whose own an address is. */
  nodeAddresses(): NodeAddresses;
  /** The speakers' pods; undefined where no API server tells of pods. */
  pods(): ReadonlyMap<string, PodFacts> | undefined;
  /** All of the speakers' pods are known, or none tells. */
  podsKnown(): boolean;
  /** Nodes whose speaker's pod is ready; undefined where no pod tells. */
  readyPods(): ReadonlySet<string> | undefined;
  /** Kinds of objects of which not all are known yet. */
  unknown(): readonly string[];
  /** Since when not each of the watches has heard of the cluster. */
  heardAt(): Instant;
  readonly done: Promise<void>;
}

/** Watches Services, EndpointSlices, Nodes and the speakers' pods until the signal fires. */
export function watchFacts(
  { cluster, metrics, options, signal }: RoleContext,
  post: (event: FactEvent) => void,
): Facts {
  const { mlLabels, mlNamespace, store } = options;
  function watch<T>(
    watched: Omit<WatchOptions<T>, "onChange">,
    eventOf: (change: Change<T>) => FactEvent,
  ): Watched<T> {
    const onChange = (change: Change<T>) => {
      if (change.kind !== "synced") metrics.updates.inc();
      post(eventOf(change));
    };
    return cluster.watch({ ...watched, onChange }, signal);
  }

  const services = watch<ServiceFacts>(
    { kind: "Service", read: readService },
    (change) => ({ kind: "service", change }),
  );
  const slices = watch<SliceFacts>(
    { kind: "EndpointSlice", read: sharingSliceReader() },
    (change) => ({ kind: "slice", change }),
  );
  let known: Pick<SpeakerView, "nodes" | "nodeAddresses"> | undefined;
  const nodes = watch<NodeFacts>({ kind: "Node", read: readNode }, () => {
    known = undefined;
    return { kind: "nodes" };
  });
  const knownNodes = () => known ??= nodesByName([...nodes.items.values()]);
  // Only an API server tells of pods; a store's speakers are its nodes.
  const pods = mlLabels === undefined || store !== undefined ? undefined : watch<PodFacts>(
    { kind: "Pod", namespace: mlNamespace, labelSelector: mlLabels, read: readPod },
    () => ({ kind: "pods" }),
  );
  const watches: readonly (readonly [kinds: string, Watched<unknown>])[] = [
    ["Services", services],
    ["EndpointSlices", slices],
    ["Nodes", nodes],
    ...pods === undefined ? [] : [["speakers' Pods", pods] as const],
  ];
  return {
    services: () => services.items,
    nodes: () => knownNodes().nodes,
    nodeAddresses: () => knownNodes().nodeAddresses,
    pods: () => pods?.items,
    podsKnown: () => pods?.synced ?? true,
    readyPods: () => speakersAlive(pods?.items),
    unknown: () => watches.filter(([, { synced }]) => !synced).map(([kinds]) => kinds),
    heardAt: () => instant(Math.min(...watches.map(([, { lastHeardMs }]) => lastHeardMs))),
    done: Promise.all(watches.map(([, { done }]) => done)).then(() => undefined),
  };
}

function nodesByName(nodes: readonly NodeFacts[]): Pick<SpeakerView, "nodes" | "nodeAddresses"> {
  return {
    nodes: new Map(nodes.map((node) => [node.name, node])),
    nodeAddresses: addressesOf(nodes),
  };
}
