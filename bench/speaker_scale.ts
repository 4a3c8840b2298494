import {
  controllerReady,
  freePort,
  prepareController,
} from "../tests/cluster/controller_process.ts";
import { HERALD } from "../tests/cluster/stage.ts";
import {
  type ControlPlane,
  startControlPlane,
  type WatchEvent,
} from "../tests/support/control_plane.ts";
import { waitFor } from "../tests/support/wait.ts";
import { type Figure, figure, percentile } from "./figure.ts";
import { names, patchStatus } from "./load.ts";
import { descriptorCount, processorMs, residentMiB } from "./process_cost.ts";
import { fillStore, slice, storedNode, storedService, storedSlice } from "./store_load.ts";

const SERVICES = 10_000;
const NODES = names("node", 500);
const ENDPOINTS_EACH = 10;
/** Five take and give back an endpoint, six are heartbeats, four statuses: twenty events. */
const ROUND = 15;
const ROUND_MS = 200;
const CHURN_MS = 40_000;
const WARM_UP_MS = 10_000;
const LOST_NODES = 3;
const SELF = "node-0";
const POOL = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/16]}]";
const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

/**
 * A speaker among ten thousand Services, a hundred thousand endpoints and 500 Nodes; also row C13
 * for a minute in place of a day, with as many events as one small API server can tell of.
 */
export async function benchSpeakerScale(): Promise<Figure[]> {
  await using kube = await startControlPlane();
  await prepareController(kube, POOL);
  await fillStore(kube, [
    ...NODES.map(storedNode),
    ...names("s", SERVICES).map((name, index) => storedService(name, addressOf(index))),
    ...names("s", SERVICES).map((name, index) => storedSlice(name, nodesOf(index))),
  ]);
  await using speaker = await startSpeaker(kube);
  await using watch = await watchChanges(kube);
  await churn(kube, speaker, watch, WARM_UP_MS);
  const calm = measure(speaker.pid);
  const probes = probe(speaker.port, CHURN_MS);
  const { decisionMs, deliveryMs } = await churn(kube, speaker, watch, CHURN_MS);
  const busy = measure(speaker.pid);
  const stalls = await probes;
  const processor = (busy.processorMs - calm.processorMs) / (busy.at - calm.at) * 100;
  const lost = await loseNodes(kube, speaker, watch);
  return [
    figure("speaker-start-10000", speaker.readyMs, "ms"),
    figure("speaker-churn-processor", processor, "% of a core", {
      goal: { of: "value", atMost: 15 },
    }),
    figure("speaker-churn-decision-p50", percentile(decisionMs, 0.5), "ms", {
      baseline: percentile(deliveryMs, 0.5),
    }),
    figure("speaker-churn-decision-p99", percentile(decisionMs, 0.99), "ms", {
      baseline: percentile(deliveryMs, 0.99),
      goal: { of: "value", atMost: 20 },
    }),
    figure("speaker-node-lost-last-decision", Math.max(...lost), "ms", {
      goal: { of: "value", atMost: 400 },
    }),
    figure("soak-speaker-memory", busy.memoryMiB, "MiB", { goal: { of: "value", atMost: 192 } }),
    figure("soak-speaker-growth", busy.memoryMiB - calm.memoryMiB, "MiB", {
      goal: { of: "value", atMost: 16 },
    }),
    figure("soak-speaker-descriptors", Math.abs(busy.descriptors - calm.descriptors), "files", {
      goal: { of: "value", atMost: 2 },
    }),
    figure("soak-speaker-stall-p99", percentile(stalls, 0.99), "ms", {
      baseline: percentile(stalls, 0.5),
      goal: { of: "value", atMost: 50 },
    }),
    figure("soak-speaker-stall-longest", Math.max(...stalls), "ms", {
      goal: { of: "value", atMost: 200 },
    }),
  ];
}

function addressOf(index: number): string {
  return `10.78.${index >> 8}.${index & 255}`;
}

function nodesOf(index: number): string[] {
  return Array.from({ length: ENDPOINTS_EACH }, (_, place) => `node-${(index + place * 7) % 500}`);
}

/** A speaker whose log is read as it comes. */
interface Speaker extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly readyMs: number;
  /** When the last line about each address was read, by this process's clock. */
  readonly decided: ReadonlyMap<string, number>;
  forget(): void;
}

async function startSpeaker(kube: ControlPlane): Promise<Speaker> {
  const token = await kube.serviceAccountToken("metallb-system", "speaker");
  const port = freePort();
  const began = performance.now();
  // By default many addresses that change at once have one line.
  const told = ["--log-format=json", "--log-level=debug"];
  const flags = [`--port=${port}`, "--host=127.0.0.1", `--node-name=${SELF}`, ...told];
  const child = new Deno.Command(HERALD, {
    // Of no interface: nothing of this machine's network shall be answered.
    args: [
      "run",
      "--role=speaker",
      "--namespace=metallb-system",
      "--interface=none-of-them",
      ...flags,
    ],
    env: { KUBECONFIG: await kube.kubeconfigForToken(token) },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decided = new Map<string, number>();
  const reading = (async () => {
    let rest = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const at = performance.now();
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const ip = /"ip":"([0-9.]+)"/.exec(line)?.[1];
        if (ip !== undefined) decided.set(ip, at);
      }
    }
  })();
  const end = async () => {
    child.kill("SIGTERM");
    await child.status;
    await reading;
  };
  try {
    await waitFor("all plans", () => decided.size >= SERVICES, { timeoutMs: 90_000, everyMs: 20 });
    await controllerReady(port);
  } catch (error) {
    await end();
    throw error;
  }
  const readyMs = performance.now() - began;
  const { pid } = child;
  return { pid, port, readyMs, decided, forget: () => decided.clear(), [Symbol.asyncDispose]: end };
}

/** When the benchmark's own watches had the last event about each object. */
interface ChangeWatch extends AsyncDisposable {
  readonly seen: ReadonlyMap<string, number>;
}

async function watchChanges(kube: ControlPlane): Promise<ChangeWatch> {
  const stop = new AbortController();
  const seen = new Map<string, number>();
  const open = async (path: string) => {
    const { metadata } = await kube.request("GET", `${path}?limit=1`) as WatchEvent["object"];
    const from = `${path}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    return await kube.watch(from, stop.signal);
  };
  const follow = async (events: AsyncIterable<WatchEvent>) => {
    for await (const { object } of events) seen.set(object.metadata.name, performance.now());
  };
  const watches = [await open(SLICES), await open("/api/v1/nodes")];
  const done = watches.map((events) => follow(events).catch(() => undefined));
  return {
    seen,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(done);
    },
  };
}

/**
 * A hundred events a second. Half of them move endpoints, so that the plan of an address changes;
 * three in ten are kubelets' heartbeats, two in ten statuses of Services, which change nothing.
 */
async function churn(
  kube: ControlPlane,
  speaker: Speaker,
  watch: ChangeWatch,
  ms: number,
): Promise<{ decisionMs: number[]; deliveryMs: number[] }> {
  const decisionMs: number[] = [];
  const deliveryMs: number[] = [];
  const running: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  const run = (work: Promise<void>) => running.push(work.catch((error) => failures.push(error)));
  const began = performance.now();
  for (let event = 0; performance.now() - began < ms; event++) {
    const wait = began + event * ROUND_MS / ROUND - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const kind = event % ROUND;
    if (kind < 5) run(flip(Math.floor(event / ROUND) * 5 + kind));
    else if (kind < 11) run(beat(kube, event));
    else run(patchStatus(kube, `s-${event % SERVICES}`, event));
  }
  await Promise.all(running);
  if (failures.length > 0) throw new Error("The churn failed", { cause: failures[0] });
  return { decisionMs, deliveryMs };

  /** Takes a Service's endpoints away and gives them back; both times waits for the decision. */
  async function flip(count: number): Promise<void> {
    const index = count % SERVICES;
    for (const ready of [false, true]) {
      const sentAt = performance.now();
      await kube.request(
        "PUT",
        `${SLICES}/s-${index}-1`,
        slice(`s-${index}`, nodesOf(index), ready),
      );
      const since = (map: ReadonlyMap<string, number>, key: string) =>
        waitFor(key, () => (map.get(key) ?? 0) > sentAt, { everyMs: 5, timeoutMs: 20_000 });
      await since(watch.seen, `s-${index}-1`);
      await since(speaker.decided, addressOf(index));
      const eventAt = watch.seen.get(`s-${index}-1`) ?? NaN;
      deliveryMs.push(eventAt - sentAt);
      decisionMs.push(Math.max(0, (speaker.decided.get(addressOf(index)) ?? NaN) - eventAt));
    }
  }
}

async function beat(kube: ControlPlane, event: number): Promise<void> {
  await reportNode(kube, NODES[event % NODES.length] ?? SELF, true, event);
}

async function reportNode(
  kube: ControlPlane,
  name: string,
  ready: boolean,
  event: number,
): Promise<void> {
  const lastHeartbeatTime = new Date(1.8e12 + event * 1_000).toISOString();
  const conditions = [{ type: "Ready", status: ready ? "True" : "False", lastHeartbeatTime }];
  await kube.request("PATCH", `/api/v1/nodes/${name}/status`, { status: { conditions } });
}

/** A node stops being Ready: until the last of its addresses has another owner. */
async function loseNodes(
  kube: ControlPlane,
  speaker: Speaker,
  watch: ChangeWatch,
): Promise<number[]> {
  const took: number[] = [];
  for (let index = 0; index < LOST_NODES; index++) {
    const name = `node-${100 + index}`;
    speaker.forget();
    const sentAt = performance.now();
    await reportNode(kube, name, false, index);
    await waitFor(name, () => (watch.seen.get(name) ?? 0) > sentAt && speaker.decided.size > 0);
    // Some twenty lines, all of one moment; whatever came later would be seen.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    took.push(Math.max(...speaker.decided.values()) - (watch.seen.get(name) ?? NaN));
  }
  return took;
}

function measure(pid: number) {
  return {
    at: performance.now(),
    processorMs: processorMs(pid),
    memoryMiB: residentMiB(pid),
    descriptors: descriptorCount(pid),
  };
}

/** How long the process took to answer that it is alive, twenty times a second. */
async function probe(port: number, ms: number): Promise<number[]> {
  const took: number[] = [];
  const began = performance.now();
  while (performance.now() - began < ms) {
    const asked = performance.now();
    await (await fetch(`http://127.0.0.1:${port}/healthz`)).text();
    took.push(performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return took;
}
