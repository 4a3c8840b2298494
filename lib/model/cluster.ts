import type { EndpointFacts, NamespaceFacts, NodeFacts, PodFacts, SliceFacts } from "./facts.ts";
import { serviceKey } from "./facts.ts";
import { isObject, type JsonObject, listOr, objectOr, readLabels, textOf } from "./json.ts";
import { parseIp } from "../net/ip.ts";
import { LABEL } from "./names.ts";

/** Takes what Herald needs of an EndpointSlice; undefined for what is none of a Service. Total. */
export function readEndpointSlice(object: unknown): SliceFacts | undefined {
  const found = named(object);
  if (found === undefined) return undefined;
  const service = textOf(objectOr(found.metadata.labels)[LABEL.serviceName]);
  const { addressType } = found.object;
  if (service === undefined || addressType === "FQDN") return undefined;
  return {
    key: `${found.namespace}/${found.name}`,
    service: serviceKey(found.namespace, service),
    family: addressType === "IPv4" ? 4 : addressType === "IPv6" ? 6 : undefined,
    endpoints: listOr(found.object.endpoints).filter(isObject).map(readEndpoint),
  };
}

function readEndpoint(endpoint: JsonObject): EndpointFacts {
  const conditions = objectOr(endpoint.conditions);
  // Unset means ready: "consumers should interpret unknown as ready" (discovery.k8s.io/v1).
  const ready = conditions.ready !== false;
  return {
    addresses: listOr(endpoint.addresses).filter((address) => typeof address === "string"),
    nodeName: textOf(endpoint.nodeName) ??
      textOf(objectOr(endpoint.topology)[LABEL.hostname]),
    ready,
    serving: typeof conditions.serving === "boolean" ? conditions.serving : ready,
    terminating: conditions.terminating === true,
  };
}

/** So many kinds of endpoints are shared: a node each, in all states. */
const SHARED_LIMIT = 20_000;

/**
 * Makes a reader that leaves the endpoints' addresses out, which a speaker needs not, and lets equal
 * endpoints be one object: a hundred thousand of them took 30 MB. Else like `readEndpointSlice`.
 */
export function sharingSliceReader(): (object: unknown) => SliceFacts | undefined {
  const shared = new Map<string, EndpointFacts>();
  const share = (endpoint: EndpointFacts): EndpointFacts => {
    const { nodeName, ready, serving, terminating } = endpoint;
    const key = `${nodeName ?? " "} ${ready} ${serving} ${terminating}`;
    const known = shared.get(key);
    if (known !== undefined) return known;
    // Of nodes that are long gone; slices that still hold one keep it.
    if (shared.size >= SHARED_LIMIT) shared.clear();
    const fresh = { ...endpoint, addresses: NO_ADDRESSES };
    shared.set(key, fresh);
    return fresh;
  };
  return (object) => {
    const facts = readEndpointSlice(object);
    return facts && { ...facts, endpoints: facts.endpoints.map(share) };
  };
}

const NO_ADDRESSES: readonly string[] = [];

/** Takes what Herald needs of a Node. Total. */
export function readNode(object: unknown): NodeFacts | undefined {
  const found = named(object);
  if (found === undefined) return undefined;
  const labels = readLabels(found.metadata.labels);
  const status = objectOr(found.object.status);
  const conditions = listOr(status.conditions).filter(isObject);
  const statusOf = (type: string) => conditions.find((one) => one.type === type)?.status;
  const ready = statusOf("Ready");
  return {
    name: found.name,
    labels,
    ready: ready === undefined || ready === "True",
    networkUnavailable: statusOf("NetworkUnavailable") === "True",
    excluded: labels.has(LABEL.excludeNode),
    addresses: listOr(status.addresses).filter(isObject).flatMap(({ type, address }) =>
      type === "InternalIP" || type === "ExternalIP" ? parseIp(textOf(address) ?? "") ?? [] : []
    ),
  };
}

/** Takes what Herald needs of a Namespace. Total. */
export function readNamespace(object: unknown): NamespaceFacts | undefined {
  const found = named(object);
  return found && { name: found.name, labels: readLabels(found.metadata.labels) };
}

/** Takes what Herald needs of a speaker's Pod; one that is being deleted is not ready. Total. */
export function readPod(object: unknown): PodFacts | undefined {
  const found = named(object);
  if (found === undefined) return undefined;
  const spec = objectOr(found.object.spec);
  const status = objectOr(found.object.status);
  const ready = listOr(status.conditions).some((one) =>
    isObject(one) && one.type === "Ready" && one.status === "True"
  );
  return {
    key: `${found.namespace}/${found.name}`,
    nodeName: textOf(spec.nodeName),
    ip: textOf(status.podIP),
    ...pageOf(listOr(spec.containers)),
    ready: ready && textOf(found.metadata.deletionTimestamp) === undefined,
  };
}

function pageOf(containers: readonly unknown[]): Pick<PodFacts, "pagePort" | "pageTls"> {
  const all = containers.map(objectOr);
  const ports = all.flatMap(({ ports }) => listOr(ports)).map(objectOr);
  const port = ports.find(({ name }) => name === "monitoring")?.containerPort;
  const probes = all.flatMap((
    { livenessProbe, readinessProbe },
  ) => [livenessProbe, readinessProbe]);
  return {
    pagePort: typeof port === "number" ? port : undefined,
    pageTls: probes.map((probe) => objectOr(objectOr(probe).httpGet))
      .some((probe) => isPage(probe.port, port) && probe.scheme === "HTTPS"),
  };
}

function isPage(probed: unknown, port: unknown): boolean {
  return probed === "monitoring" || (probed !== undefined && probed === port);
}

/** The nodes of ready speakers; undefined where no pod matches, for then the labels tell nothing. */
export function speakersAlive(
  pods: ReadonlyMap<string, PodFacts> | undefined,
): Set<string> | undefined {
  if (pods === undefined || pods.size === 0) return undefined;
  const alive = new Set<string>();
  for (const { ready, nodeName } of pods.values()) {
    if (ready && nodeName !== undefined) alive.add(nodeName);
  }
  return alive;
}

interface Named {
  readonly object: JsonObject;
  readonly metadata: JsonObject;
  readonly namespace: string;
  readonly name: string;
}

function named(object: unknown): Named | undefined {
  if (!isObject(object)) return undefined;
  const metadata = objectOr(object.metadata);
  const name = textOf(metadata.name);
  if (name === undefined || name === "") return undefined;
  return { object, metadata, name, namespace: textOf(metadata.namespace) ?? "default" };
}

/** The key that a Secret of MetalLB's form gives the speakers' gossip; undefined where it has none. */
export function readGossipKey(object: unknown): string | undefined {
  const { data, stringData } = objectOr(object);
  // A manifest in a folder may be as it was written, before a server turned it into `data`.
  const written = textOf(objectOr(stringData).secretkey);
  if (written !== undefined) return written.trim() || undefined;
  const encoded = textOf(objectOr(data).secretkey);
  if (encoded === undefined) return undefined;
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(encoded)).trim() || undefined;
  } catch {
    return undefined; // an API server takes no such Secret; a file may hold anything
  }
}
