import type { ControlPlane } from "../tests/support/control_plane.ts";
import { each } from "./load.ts";

/** An object and its key in the API server's store. */
export interface Stored {
  readonly key: string;
  readonly object: unknown;
}

const NAMESPACE = "default";
const CREATED = "2026-01-01T00:00:00Z";

/**
 * Puts objects into the API server's own store, one revision each, as that would have stored them;
 * its watches tell of them at once. Through the API ten thousand Services take five minutes: each
 * time its allocator gives a cluster IP it counts all that are given, and whoever waits for the
 * next Service is never busy.
 */
export async function putObjects(kube: ControlPlane, stored: readonly Stored[]): Promise<void> {
  await each(
    stored,
    ({ key, object }) => etcd(kube, "put", { key: base64(key), value: packed(object) }),
  );
}

/** The same before anybody watches: a hundred to a revision, which takes a tenth of the time. */
export async function fillStore(kube: ControlPlane, stored: readonly Stored[]): Promise<void> {
  for (let start = 0; start < stored.length; start += 100) {
    const success = stored.slice(start, start + 100).map(({ key, object }) => ({
      requestPut: { key: base64(key), value: packed(object) },
    }));
    await etcd(kube, "txn", { success });
  }
}

async function etcd(kube: ControlPlane, what: string, body: unknown): Promise<void> {
  const url = `${kube.etcd}/v3/kv/${what}`;
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`etcd refused to ${what}: ${text.slice(0, 500)}`);
}

function base64(text: string): string {
  return btoa(text);
}

function packed(object: unknown): string {
  return base64(JSON.stringify(object));
}

/** A Service of type LoadBalancer, without the cluster IP that only the API server gives. */
export function storedService(name: string, ip?: string): Stored {
  return {
    key: `/registry/services/specs/${NAMESPACE}/${name}`,
    object: {
      kind: "Service",
      apiVersion: "v1",
      metadata: { ...metadata(name), labels: { app: name }, managedFields: MANAGED_FIELDS },
      spec: {
        type: "LoadBalancer",
        selector: { app: name },
        ports: [{ protocol: "TCP", port: 80, targetPort: 80 }],
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        sessionAffinity: "None",
        externalTrafficPolicy: "Cluster",
        internalTrafficPolicy: "Cluster",
        allocateLoadBalancerNodePorts: false,
      },
      status: { loadBalancer: ip === undefined ? {} : { ingress: [{ ip, ipMode: "VIP" }] } },
    },
  };
}

/** Of a Service, with `endpoints` pods on the given nodes. */
export function storedSlice(service: string, nodes: readonly string[]): Stored {
  const name = `${service}-1`;
  const labels = { "kubernetes.io/service-name": service };
  return {
    key: `/registry/endpointslices/${NAMESPACE}/${name}`,
    object: {
      kind: "EndpointSlice",
      apiVersion: "discovery.k8s.io/v1",
      ...slice(service, nodes, true),
      metadata: { ...metadata(name), labels },
    },
  };
}

/** The slice as the API takes it, whichever one stands there; ready or not. */
export function slice(
  service: string,
  nodes: readonly string[],
  ready: boolean,
): Record<string, unknown> {
  return {
    metadata: {
      name: `${service}-1`,
      namespace: NAMESPACE,
      labels: { "kubernetes.io/service-name": service },
    },
    addressType: "IPv4",
    endpoints: nodes.map((nodeName, index) => ({
      addresses: [`10.244.${index}.7`],
      nodeName,
      conditions: { ready, serving: ready, terminating: false },
      targetRef: { kind: "Pod", namespace: NAMESPACE, name: `${service}-${index}` },
    })),
    ports: [{ name: "", protocol: "TCP", port: 80 }],
  };
}

/** A Node that is ready, with the labels that a kubelet sets. */
export function storedNode(name: string): Stored {
  return {
    key: `/registry/minions/${name}`,
    object: {
      kind: "Node",
      apiVersion: "v1",
      metadata: {
        name,
        uid: crypto.randomUUID(),
        creationTimestamp: CREATED,
        labels: {
          "kubernetes.io/hostname": name,
          "kubernetes.io/os": "linux",
          "kubernetes.io/arch": "amd64",
          "topology.kubernetes.io/zone": "rack-1",
        },
      },
      spec: {},
      status: {
        conditions: [{
          type: "Ready",
          status: "True",
          lastHeartbeatTime: CREATED,
          lastTransitionTime: CREATED,
        }],
      },
    },
  };
}

function metadata(name: string) {
  return { name, namespace: NAMESPACE, uid: crypto.randomUUID(), creationTimestamp: CREATED };
}

/** What the API server writes down of who set which field; it is half of a Service's bytes. */
const MANAGED_FIELDS = [{
  manager: "kubectl",
  operation: "Update",
  apiVersion: "v1",
  time: CREATED,
  fieldsType: "FieldsV1",
  fieldsV1: {
    "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
    "f:spec": {
      "f:allocateLoadBalancerNodePorts": {},
      "f:externalTrafficPolicy": {},
      "f:internalTrafficPolicy": {},
      "f:ports": {
        ".": {},
        'k:{"port":80,"protocol":"TCP"}': {
          ".": {},
          "f:port": {},
          "f:protocol": {},
          "f:targetPort": {},
        },
      },
      "f:selector": {},
      "f:sessionAffinity": {},
      "f:type": {},
    },
  },
}];
