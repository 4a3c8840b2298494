import type { ControlPlane, WatchEvent } from "../tests/support/control_plane.ts";

const IN_FLIGHT = 50;
const SERVICES = "/api/v1/namespaces/default/services";

/** Does the work for each item, fifty at once as the API server allows on one connection. */
export async function each<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = [...items].reverse();
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  }));
}

/** Names with a number: `burst-0` and on. */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** Creates a Service of type LoadBalancer that wants one address. */
export async function createService(kube: ControlPlane, name: string): Promise<void> {
  await kube.request("POST", SERVICES, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: {
      type: "LoadBalancer",
      ports: [{ port: 80, protocol: "TCP" }],
      allocateLoadBalancerNodePorts: false,
    },
  });
}

/** The write that each address needs, and nothing else: a condition into the status. */
export async function patchStatus(kube: ControlPlane, name: string, index: number): Promise<void> {
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  const conditions = [{
    type: "Bench",
    status: "True",
    reason: `R${index}`,
    message: "",
    lastTransitionTime,
  }];
  await kube.request("PATCH", `${SERVICES}/${name}/status`, { status: { conditions } });
}

/** When each Service was first seen with an address. */
export interface AddressWatch extends AsyncDisposable {
  readonly seen: ReadonlyMap<string, number>;
  until(name: string): Promise<number>;
}

/** Watches all Services; takes the watch up again where the server has ended it. */
export async function watchAddresses(kube: ControlPlane): Promise<AddressWatch> {
  const stop = new AbortController();
  const seen = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const list = await kube.request("GET", "/api/v1/services?limit=1") as WatchEvent["object"];
  let version = list.metadata.resourceVersion;

  function take({ type, object: { metadata, status } }: WatchEvent): void {
    if (type === "ERROR") throw new Error("The server forgot the version of the watch");
    version = metadata.resourceVersion;
    if (status?.loadBalancer?.ingress === undefined || seen.has(metadata.name)) return;
    seen.set(metadata.name, performance.now());
    waiting.get(metadata.name)?.(performance.now());
  }

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      const path = `/api/v1/services?watch=true&resourceVersion=${version}`;
      for await (const event of await kube.watch(path, stop.signal)) take(event);
    }
  }

  const done = follow().catch((error) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    seen,
    until: (name) => new Promise((resolve) => waiting.set(name, resolve)),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}
