import { makeStage, MANIFEST, type Stage } from "../tests/cluster/stage.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure, percentile } from "./figure.ts";

const SINGLES = 50;
const BURST = 1_000;
const IN_FLIGHT = 50;

/** A Service created → its address in the status, one by one and a thousand at once. */
export async function benchController(): Promise<Figure[]> {
  await using stage = await makeStage();
  const { kube, master } = stage;
  await kube.kubectl(["apply", "-f", MANIFEST]);
  const pool = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/16]}]";
  await kube.kubectl([
    "create",
    "configmap",
    "-n",
    "metallb-system",
    "config",
    `--from-literal=config=${pool}`,
  ]);
  await using _controller = await stage.herald("controller", master);
  await waitFor(
    "a ready controller",
    async () =>
      (await master.run("curl", "-s", "--max-time", "2", "http://127.0.0.1:7472/readyz")).stdout ===
        "ok\n",
  );
  await using watch = await watchAddresses(stage);
  const one = await singles(stage, watch);
  const many = await burst(stage, watch);
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

async function watchAddresses({ kube }: Stage): Promise<AddressWatch> {
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

async function singles(stage: Stage, watch: AddressWatch) {
  const addresses: number[] = [];
  const patches: number[] = [];
  for (let index = 0; index < SINGLES; index++) {
    const name = `single-${index}`;
    const arrived = watch.until(name);
    const began = performance.now();
    await stage.kube.request("POST", SERVICES, service(name));
    addresses.push(await arrived - began);
    const patched = performance.now();
    await patchStatus(stage, name, index);
    patches.push(performance.now() - patched);
  }
  return { addresses, patches };
}

/** The write that each address needs, and nothing else: a condition into the status. */
async function patchStatus(stage: Stage, name: string, index: number): Promise<void> {
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  const conditions = [{
    type: "Bench",
    status: "True",
    reason: `R${index}`,
    message: "",
    lastTransitionTime,
  }];
  await stage.kube.request("PATCH", `${SERVICES}/${name}/status`, { status: { conditions } });
}

async function burst(stage: Stage, watch: AddressWatch) {
  const names = Array.from({ length: BURST }, (_, index) => `burst-${index}`);
  await each(names, (name) => stage.kube.request("POST", SERVICES, service(name)));
  const lastCreation = performance.now();
  await waitFor("all addresses", () => names.every((name) => watch.seen.has(name)), {
    timeoutMs: 120_000,
    everyMs: 20,
  });
  const lastAddress = Math.max(...names.map((name) => watch.seen.get(name) ?? 0));
  const began = performance.now();
  await each(names, (name) => patchStatus(stage, name, 1));
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
