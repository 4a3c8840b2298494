/** What Herald knows of a kind of objects. */
interface KindFacts {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** The name in API paths. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** A folder of manifests holds objects of this kind. */
  readonly stored: boolean;
}

const core = <Stored extends boolean>(plural: string, namespaced: boolean, stored: Stored) => ({
  group: "",
  version: "v1",
  plural,
  namespaced,
  stored,
});

/** The one table of kinds: every path, watch and manifest is read by it. */
export const KINDS = {
  Service: core("services", true, true),
  EndpointSlice: {
    group: "discovery.k8s.io",
    version: "v1",
    plural: "endpointslices",
    namespaced: true,
    stored: true,
  },
  Node: core("nodes", false, true),
  ConfigMap: core("configmaps", true, true),
  Secret: core("secrets", true, true),
  Namespace: core("namespaces", false, true),
  Pod: core("pods", true, false),
  Event: core("events", true, false),
  Deployment: {
    group: "apps",
    version: "v1",
    plural: "deployments",
    namespaced: true,
    stored: false,
  },
  Lease: {
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    namespaced: true,
    stored: false,
  },
} as const satisfies Record<string, KindFacts>;

export type Kind = keyof typeof KINDS;

/** Kinds that Herald watches. */
export type WatchedKind =
  | "Service"
  | "EndpointSlice"
  | "Node"
  | "ConfigMap"
  | "Namespace"
  | "Pod"
  | "Secret";

/** Kinds that a folder of manifests holds. */
export type StoredKind = { [K in Kind]: typeof KINDS[K]["stored"] extends true ? K : never }[Kind];

/** What of a kind is listed and watched. */
export interface Selection {
  readonly kind: WatchedKind;
  readonly namespace?: string;
  readonly name?: string;
  readonly labelSelector?: string;
}

/** Whether a folder of manifests holds objects of this kind. */
export function isStoredKind(kind: string): kind is StoredKind {
  return Object.hasOwn(KINDS, kind) && KINDS[kind as Kind].stored;
}

/** Whether an object's `apiVersion` is of the kind's group; a folder takes any version of it. */
export function isOfGroup(kind: Kind, apiVersion: string): boolean {
  const { group, version } = KINDS[kind];
  return group === "" ? apiVersion === version : apiVersion.startsWith(`${group}/`);
}
