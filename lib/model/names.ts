/** Names that MetalLB fixed and that Herald shares with it, declared once. */

/** Annotation prefixes, the newer first: where both are set the first wins. */
export const ANNOTATION_PREFIXES = ["metallb.io/", "metallb.universe.tf/"] as const;

export const ANNOTATION = {
  addressPool: "address-pool",
  loadBalancerIps: "loadBalancerIPs",
  sharingKey: "allow-shared-ip",
  allocatedFrom: "ip-allocated-from-pool",
} as const;

export const LABEL = {
  serviceName: "kubernetes.io/service-name",
  /** Every Namespace has it, whoever made it. */
  namespaceName: "kubernetes.io/metadata.name",
  hostname: "kubernetes.io/hostname",
  excludeNode: "node.kubernetes.io/exclude-from-external-load-balancers",
} as const;

/** Reasons of Kubernetes events. */
export const EVENT = {
  ipAllocated: "IPAllocated",
  allocationFailed: "AllocationFailed",
  clearAssignment: "ClearAssignment",
  loadBalancerFailed: "LoadBalancerFailed",
  additionalAssignFailed: "AdditionalAssignFailed",
  noClusterIpsFamily: "noclusterIPsIPFamily",
  internalError: "InternalError",
  nodeAssigned: "nodeAssigned",
  announceFailed: "announceFailed",
  addressConflict: "AddressConflict",
  otherClass: "AddressOfOtherClass",
  statusContested: "StatusContested",
  nodesExcluded: "NodesExcluded",
  speakersDisagree: "SpeakersDisagree",
  configRejected: "ConfigRejected",
  deprecatedAnnotation: "deprecatedAnnotation",
  annotationIgnored: "annotationIgnored",
} as const;

/** The reason of an event, one of {@link EVENT}. */
export type EventReason = typeof EVENT[keyof typeof EVENT];
export type EventType = "Normal" | "Warning";

const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const NAMESPACE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Whether Kubernetes allows an object of this name (RFC 1123 subdomain). */
export function isObjectName(text: string): boolean {
  return OBJECT_NAME.test(text);
}

/** Whether Kubernetes allows a namespace of this name (RFC 1123 label). */
export function isNamespaceName(text: string): boolean {
  return NAMESPACE_NAME.test(text);
}
