import type { WatchedKind } from "../cluster/cluster.ts";

const RESOURCES: Readonly<Record<WatchedKind, { group: string; resource: string }>> = {
  Service: { group: "/api/v1", resource: "services" },
  EndpointSlice: { group: "/apis/discovery.k8s.io/v1", resource: "endpointslices" },
  Node: { group: "/api/v1", resource: "nodes" },
  ConfigMap: { group: "/api/v1", resource: "configmaps" },
  Namespace: { group: "/api/v1", resource: "namespaces" },
  Pod: { group: "/api/v1", resource: "pods" },
};

/** The API's plural name of a kind: `services`. */
export function resourceOf(kind: WatchedKind): string {
  return RESOURCES[kind].resource;
}

/** What of a kind is listed and watched. */
export interface Selection {
  readonly kind: WatchedKind;
  readonly namespace?: string;
  readonly name?: string;
  readonly labelSelector?: string;
}

/** The path of a collection with its selectors and further query parameters. */
export function collectionPath(
  { kind, namespace, name, labelSelector }: Selection,
  parameters: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams(parameters);
  if (name !== undefined) query.set("fieldSelector", `metadata.name=${name}`);
  if (labelSelector !== undefined) query.set("labelSelector", labelSelector);
  return `${namespacePath(RESOURCES[kind].group, namespace)}/${resourceOf(kind)}?${query}`;
}

/** The path of one Service. */
export function servicePath(namespace: string, name: string): string {
  return `${namespacePath("/api/v1", namespace)}/services/${encodeURIComponent(name)}`;
}

/** The path of a namespace's ConfigMaps, or of one of them. */
export function configMapsPath(namespace: string, name?: string): string {
  const all = `${namespacePath("/api/v1", namespace)}/configmaps`;
  return name === undefined ? all : `${all}/${encodeURIComponent(name)}`;
}

/** The path of a namespace's Secrets, or of one of them. */
export function secretsPath(namespace: string, name?: string): string {
  const all = `${namespacePath("/api/v1", namespace)}/secrets`;
  return name === undefined ? all : `${all}/${encodeURIComponent(name)}`;
}

/** The path of one Deployment. */
export function deploymentPath(namespace: string, name: string): string {
  return `${namespacePath("/apis/apps/v1", namespace)}/deployments/${encodeURIComponent(name)}`;
}

/** The path of a namespace's events (of the core group, which MetalLB's roles allow). */
export function eventsPath(namespace: string): string {
  return `${namespacePath("/api/v1", namespace)}/events`;
}

/** The path of a namespace's Leases. */
export function leasesPath(namespace: string): string {
  return `${namespacePath("/apis/coordination.k8s.io/v1", namespace)}/leases`;
}

/** The path of one Lease. */
export function leasePath(namespace: string, name: string): string {
  return `${leasesPath(namespace)}/${encodeURIComponent(name)}`;
}

function namespacePath(group: string, namespace: string | undefined): string {
  return namespace === undefined ? group : `${group}/namespaces/${encodeURIComponent(namespace)}`;
}
