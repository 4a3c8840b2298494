import {
  type ControllerKit,
  controllerReady,
  freePort,
  prepareController,
  startController,
} from "../tests/cluster/controller_process.ts";
import { type ControlPlane, startControlPlane } from "../tests/support/control_plane.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure } from "./figure.ts";
import {
  type AddressWatch,
  createService,
  each,
  names,
  patchStatus,
  watchAddresses,
} from "./load.ts";
import { benchPageReaders } from "./page_readers.ts";
import { processorMs, residentMiB } from "./process_cost.ts";
import { putObjects, storedService } from "./store_load.ts";

const SERVICES = 10_000;
const RESTARTS = 3;
/** 100 MB, and 3 KB for each Service. */
const MEMORY_MIB = (100e6 + SERVICES * 3e3) / 1024 / 1024;
/** Events of the burst follow it for 40 s, and then its garbage is still there for a while. */
const BURST_SETTLE_MS = 60_000;
const START_SETTLE_MS = 10_000;
const POOL = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/16]}]";

/** Ten thousand Services, created as fast as the API server takes them. */
export async function benchCreated(): Promise<Figure[]> {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, POOL);
  const port = freePort();
  await using _controller = startController(kit, port);
  await controllerReady(port);
  await using watch = await watchAddresses(kube);
  const began = performance.now();
  await each(names("made", SERVICES), (name) => createService(kube, name));
  const lastCreation = performance.now();
  const lastAddressMs = Math.max(0, await lastSeen(watch) - lastCreation);
  return [
    figure("created-10000-last-address", lastAddressMs, "ms after the last creation", {
      baseline: lastCreation - began,
      goal: { of: "value", atMost: 20_000 },
    }),
  ];
}

/** Ten thousand there all at once; what the controller takes for them, and its start among them. */
export async function benchInStore(): Promise<Figure[]> {
  await using kube = await startControlPlane();
  const kit = await prepareController(kube, POOL);
  return [...await burst(kit), ...await restarts(kit)];
}

async function burst(kit: ControllerKit): Promise<Figure[]> {
  const { kube } = kit;
  const port = freePort();
  await using controller = startController(kit, port);
  await controllerReady(port);
  await using watch = await watchAddresses(kube);
  const all = names("many", SERVICES);
  const before = processorMs(controller.pid);
  await putObjects(kube, all.map((name) => storedService(name)));
  const lastCreation = performance.now();
  const lastAddressMs = Math.max(0, await lastSeen(watch) - lastCreation);
  const processor = processorMs(controller.pid) - before;
  // The same writes by nobody else, so that the controller hears of none: it is stopped for them.
  Deno.kill(controller.pid, "SIGSTOP");
  const began = performance.now();
  await each(all, (name) => patchStatus(kube, name, 1));
  const bareMs = performance.now() - began;
  Deno.kill(controller.pid, "SIGCONT");
  await new Promise((resolve) => setTimeout(resolve, BURST_SETTLE_MS));
  const memory = residentMiB(controller.pid);
  return [
    figure("burst-10000-last-address-against-bare-writes", lastAddressMs, "ms", {
      baseline: bareMs,
      goal: { of: "ratio", atMost: 1.5 },
    }),
    figure("burst-10000-processor-each", processor / SERVICES, "ms"),
    figure("controller-memory-10000", memory, "MiB", {
      goal: { of: "value", atMost: MEMORY_MIB },
    }),
  ];
}

async function lastSeen(watch: AddressWatch): Promise<number> {
  await waitFor("all addresses", () => watch.seen.size >= SERVICES, {
    timeoutMs: 180_000,
    everyMs: 20,
  });
  return Math.max(...watch.seen.values());
}

/** A controller that starts among ten thousand settled Services: ready soon, and writes nothing. */
async function restarts(kit: ControllerKit): Promise<Figure[]> {
  const before = await versions(kit.kube);
  const port = freePort();
  const readyMs: number[] = [];
  let writes = 0;
  let memory = 0;
  const readers: Figure[] = [];
  for (let run = 0; run < RESTARTS; run++) {
    const began = performance.now();
    await using controller = startController(kit, port);
    await controllerReady(port);
    readyMs.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    writes += await statusWrites(port);
    if (run === RESTARTS - 1) {
      await new Promise((resolve) => setTimeout(resolve, START_SETTLE_MS));
      memory = residentMiB(controller.pid);
      readers.push(...await benchPageReaders(controller.pid, port, `${SERVICES}`));
    }
  }
  const after = await versions(kit.kube);
  const changed = [...after].filter(([name, version]) => before.get(name) !== version).length;
  return [
    figure("restart-10000-ready", Math.max(...readyMs), "ms", {
      baseline: await listMs(kit.kube),
      goal: { of: "value", atMost: 3_000 },
    }),
    figure("restart-10000-writes", writes + changed, "writes", {
      goal: { of: "value", atMost: 0 },
    }),
    figure("restart-10000-memory", memory, "MiB", { goal: { of: "value", atMost: MEMORY_MIB } }),
    ...readers,
  ];
}

async function statusWrites(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.matchAll(/^herald_status_writes_total\{[^}]*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

interface ServicePage {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
  }[];
}

/** The version of each Service, read in pages as the controller reads them. */
async function versions(kube: ControlPlane): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let from = "";;) {
    const page = await kube.request(
      "GET",
      `/api/v1/services?limit=500&continue=${encodeURIComponent(from)}`,
    ) as ServicePage;
    for (const { metadata } of page.items) found.set(metadata.name, metadata.resourceVersion);
    from = page.metadata.continue ?? "";
    if (from === "") return found;
  }
}

async function listMs(kube: ControlPlane): Promise<number> {
  const began = performance.now();
  await versions(kube);
  return performance.now() - began;
}
