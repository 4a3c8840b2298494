import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "../tests/cluster/controller_process.ts";
import { type ControlPlane, startControlPlane } from "../tests/support/control_plane.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure, percentile } from "./figure.ts";

const SINGLES = 50;
const BURST = 1_000;
const IN_FLIGHT = 50;

/** A Service created → its address in the status, one by one and a thousand at once. */
export async function benchController(): Promise<Figure[]> {
  await using kube = await startControlPlane();
  const pool = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/16]}]";
  const kit = await prepareController(kube, pool);
  const port = freePort();
  await using _controller = startController(kit, port);
  await controllerReady(port);
  await using watch = await watchAddresses(kube);
  const one = await singles(kube, watch);
  const many = await burst(kube, watch);
  return [
    figure("service-to-address-p50", percentile(one.addresses, 0.5), "ms", {
      baseline: percentile(one.patches, 0.5),
      goal: { of: "value", atMost: 20 },
    }),
    figure("service-to-address-p50-against-patch", percentile(one.addresses, 0.5), "ms", {
      baseline: percentile(one.patches, 0.5),
      goal: { of: "ratio", atMost: 3 },
    }),
    figure("service-to-address-p99", percentile(one.addresses, 0.99), "ms", {
      baseline: percentile(one.patches, 0.99),
    }),
    figure("burst-1000-last-address", many.lastAddressMs, "ms", {
      baseline: many.patchesMs,
      goal: { of: "value", atMost: 2_000 },
    }),
  ];
}

/** When each Service was first seen with an address. */
interface AddressWatch extends AsyncDisposable {
  readonly seen: ReadonlyMap<string, number>;
  until(name: string): Promise<number>;
}

async function watchAddresses(kube: ControlPlane): Promise<AddressWatch> {
  const stop = new AbortController();
  const seen = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const lines = await kube.watch("/api/v1/services?watch=true", stop.signal);
  const done = (async () => {
    for await (const { object } of lines) {
      const { name } = object.metadata;
      if (object.status?.loadBalancer?.ingress === undefined || seen.has(name)) continue;
      seen.set(name, performance.now());
      waiting.get(name)?.(performance.now());
    }
  })().catch(() => undefined);
  return {
    seen,
    until: (name) => new Promise((resolve) => waiting.set(name, resolve)),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

function service(name: string): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: {
      type: "LoadBalancer",
      ports: [{ port: 80, protocol: "TCP" }],
      allocateLoadBalancerNodePorts: false,
    },
  };
}

const SERVICES = "/api/v1/namespaces/default/services";

async function singles(kube: ControlPlane, watch: AddressWatch) {
  const addresses: number[] = [];
  const patches: number[] = [];
  for (let index = 0; index < SINGLES; index++) {
    const name = `single-${index}`;
    const arrived = watch.until(name);
    const began = performance.now();
    await kube.request("POST", SERVICES, service(name));
    addresses.push(await arrived - began);
    const patched = performance.now();
    await patchStatus(kube, name, index);
    patches.push(performance.now() - patched);
  }
  return { addresses, patches };
}

/** The write that each address needs, and nothing else: a condition into the status. */
async function patchStatus(kube: ControlPlane, name: string, index: number): Promise<void> {
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

async function burst(kube: ControlPlane, watch: AddressWatch) {
  const names = Array.from({ length: BURST }, (_, index) => `burst-${index}`);
  await each(names, (name) => kube.request("POST", SERVICES, service(name)));
  const lastCreation = performance.now();
  await waitFor("all addresses", () => names.every((name) => watch.seen.has(name)), {
    timeoutMs: 120_000,
    everyMs: 20,
  });
  const lastAddress = Math.max(...names.map((name) => watch.seen.get(name) ?? 0));
  const began = performance.now();
  await each(names, (name) => patchStatus(kube, name, 1));
  return {
    lastAddressMs: Math.max(0, lastAddress - lastCreation),
    patchesMs: performance.now() - began,
  };
}

async function each(
  names: readonly string[],
  work: (name: string) => Promise<unknown>,
): Promise<void> {
  const queue = [...names];
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) await work(name);
  }));
}
