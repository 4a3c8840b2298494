import {
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "../tests/cluster/controller_process.ts";
import { type ControlPlane, startControlPlane } from "../tests/support/control_plane.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure, percentile } from "./figure.ts";
import {
  type AddressWatch,
  createService,
  each,
  names,
  patchStatus,
  watchAddresses,
} from "./load.ts";
import { benchPageFlood } from "./page_flood.ts";

const SINGLES = 50;
const BURST = 1_000;

/** A Service created → its address in the status, one by one and a thousand at once. */
export async function benchController(): Promise<Figure[]> {
  await using kube = await startControlPlane();
  const pool = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/16]}]";
  const kit = await prepareController(kube, pool);
  const port = freePort();
  await using controller = startController(kit, port);
  await controllerReady(port);
  const flood = await benchPageFlood(controller.pid, port);
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
    ...flood,
  ];
}

async function singles(kube: ControlPlane, watch: AddressWatch) {
  const addresses: number[] = [];
  const patches: number[] = [];
  for (let index = 0; index < SINGLES; index++) {
    const name = `single-${index}`;
    const arrived = watch.until(name);
    const began = performance.now();
    await createService(kube, name);
    addresses.push(await arrived - began);
    const patched = performance.now();
    await patchStatus(kube, name, index);
    patches.push(performance.now() - patched);
  }
  return { addresses, patches };
}

async function burst(kube: ControlPlane, watch: AddressWatch) {
  const all = names("burst", BURST);
  await each(all, (name) => createService(kube, name));
  const lastCreation = performance.now();
  await waitFor("all addresses", () => all.every((name) => watch.seen.has(name)), {
    timeoutMs: 120_000,
    everyMs: 20,
  });
  const lastAddress = Math.max(...all.map((name) => watch.seen.get(name) ?? 0));
  const began = performance.now();
  await each(all, (name) => patchStatus(kube, name, 1));
  return {
    lastAddressMs: Math.max(0, lastAddress - lastCreation),
    patchesMs: performance.now() - began,
  };
}
