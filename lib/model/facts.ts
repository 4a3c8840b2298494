import type { Family, Ip } from "../net/ip.ts";

/** `namespace/name` of a Service. */
export type ServiceKey = string & { readonly __brand: "ServiceKey" };

/** Makes a {@link ServiceKey}; Kubernetes names hold no slash. */
export function serviceKey(namespace: string, name: string): ServiceKey {
  return `${namespace}/${name}` as ServiceKey;
}

export type PortProtocol = "TCP" | "UDP" | "SCTP";

export interface ServicePort {
  readonly protocol: PortProtocol;
  readonly port: number;
}

/** The addresses that a Service's spec or annotations ask for. */
export type AddressRequest =
  | { readonly kind: "none" }
  | { readonly kind: "addresses"; readonly ips: readonly Ip[] }
  /** The request cannot be read; `event` is the Kubernetes event's reason, `message` its text. */
  | { readonly kind: "invalid"; readonly event: string; readonly message: string };

/** All that Herald reads of a Service; the object itself is not kept. */
export interface ServiceFacts {
  readonly key: ServiceKey;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Milliseconds since 1970 of metadata.creationTimestamp, 0 when absent. */
  readonly createdMs: number;
  /** metadata.deletionTimestamp is set: it gets no new address. */
  readonly deleting: boolean;
  /** `spec.type` is LoadBalancer. */
  readonly isLoadBalancer: boolean;
  readonly loadBalancerClass: string | undefined;
  /** From clusterIPs, else ipFamilies; empty while the Service has neither (rule A2), or is headless. */
  readonly families: readonly Family[];
  /** `spec.clusterIP` is None, which no load balancer can have. */
  readonly isHeadless: boolean;
  /** `spec.ipFamilyPolicy` is PreferDualStack: of two families one is better than nothing. */
  readonly prefersDualStack: boolean;
  readonly ports: readonly ServicePort[];
  readonly externalTrafficPolicy: "Cluster" | "Local";
  /** Canonical text of spec.selector: equal texts select equal pods. */
  readonly selector: string;
  /** metadata.labels, for the `service-selectors` of pools. */
  readonly labels: ReadonlyMap<string, string>;
  /** `allow-shared-ip`; an empty one counts as absent. */
  readonly sharingKey: string | undefined;
  /** `address-pool`. */
  readonly poolRequest: string | undefined;
  readonly addressRequest: AddressRequest;
  /** Addresses in status.loadBalancer.ingress[].ip, in order; what is no address is left out. */
  readonly assigned: readonly Ip[];
  /** `ip-allocated-from-pool`, which is written beside the addresses. */
  readonly allocatedFrom: string | undefined;
  /**
   * When its addresses were last written, by the API server's clock in whole seconds; absent where
   * that is not known.
   */
  readonly statusSinceMs?: number;
  /** Another wrote the status since; absent where that is not so, or not known. */
  readonly overwritten?: true;
  /** What it showed before that, where this process has seen it. */
  readonly given?: readonly Ip[];
  /** status.loadBalancer.ingress has any entry, a hostname or unreadable ip included. */
  readonly hasIngress: boolean;
  /** Things a person should know: both annotation spellings differ, a key too long … */
  readonly warnings: readonly string[];
  /** Annotations that are set in their old spelling alone; absent when there are none. */
  readonly deprecated?: readonly string[];
}

/** One endpoint of an EndpointSlice. */
export interface EndpointFacts {
  readonly addresses: readonly string[];
  readonly nodeName: string | undefined;
  /** conditions.ready true or unset. */
  readonly ready: boolean;
  /** conditions.serving; equal to `ready` when unset. */
  readonly serving: boolean;
  readonly terminating: boolean;
}

/** All that Herald reads of an EndpointSlice. */
export interface SliceFacts {
  /** `namespace/name` of the slice. */
  readonly key: string;
  /** From the label kubernetes.io/service-name. */
  readonly service: ServiceKey;
  /** Of its endpoints, by addressType; undefined where that tells of none. */
  readonly family: Family | undefined;
  readonly endpoints: readonly EndpointFacts[];
}

/** All that Herald reads of a Node. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Condition Ready is True, or there is no such condition (a Node written by hand). */
  readonly ready: boolean;
  /** Condition NetworkUnavailable is True. */
  readonly networkUnavailable: boolean;
  /** Label node.kubernetes.io/exclude-from-external-load-balancers is set, whatever its value. */
  readonly excluded: boolean;
  /** status.addresses of the types InternalIP and ExternalIP. */
  readonly addresses: readonly Ip[];
}

/** All that Herald reads of a Namespace, for the `namespace-selectors` of pools. */
export interface NamespaceFacts {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** All that Herald reads of a speaker Pod. */
export interface PodFacts {
  readonly key: string;
  readonly nodeName: string | undefined;
  readonly ip: string | undefined;
  /** Where its page is: the port that the pod names `monitoring`. */
  readonly pagePort: number | undefined;
  /** Whether it speaks TLS: as the kubelet probes it. */
  readonly pageTls: boolean;
  readonly ready: boolean;
}
