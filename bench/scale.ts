import { fileURLToPath } from "node:url";
import { stringify } from "@std/yaml";
import { makeScene, type Scene } from "../tests/lan/scene.ts";
import type { Host } from "../tests/support/lan.ts";
import { must, type RunningProcess } from "../tests/support/process.ts";
import { pause, waitFor } from "../tests/support/wait.ts";
import { type Figure, figure } from "./figure.ts";
import { processorMs, residentMiB, threadMs } from "./process_cost.ts";
import { storedService, storedSlice } from "./store_load.ts";

/** What a node has to do with. */
interface Size {
  readonly name: string;
  readonly addresses: number;
  readonly interfaces: number;
}

const SIZES: readonly Size[] = [
  { name: "1000-addresses-110-interfaces", addresses: 1_000, interfaces: 110 },
  { name: "10000-claims", addresses: 10_000, interfaces: 1 },
];
/** Each with its slice: a file of more than ten thousand documents is not read. */
const FILE_SERVICES = 2_500;
/** Of each event: until nothing of it is left to do but to announce again. */
const EVENT_MS = 5_000;
const REST_MS = 10_000;
const NAMES = ["node1", "node2"];
const KEY = "a key of the benchmark";

/** How long one process took to answer, question by question. */
interface Pulse {
  readonly count: number;
  readonly medianMs: number;
  readonly slow: readonly { readonly atMs: number; readonly ms: number }[];
}

/** Two speakers, of which the second dies and comes back: what that costs the first one's main thread. */
export const SCALE_PARTS = SIZES.map((size) => () => benchSize(size));

async function benchSize({ name, addresses, interfaces }: Size): Promise<Figure[]> {
  await using scene = await makeScene(NAMES.length);
  const [node1, node2] = scene.nodes;
  if (node1 === undefined || node2 === undefined) throw new Error("The scene has two nodes");
  // As many as a node has pods.
  for (let at = 1; at < interfaces; at++) {
    const ip = (...args: string[]) => node1.must("ip", "link", ...args);
    await ip("add", `lan${at}`, "type", "veth", "peer", "name", `pod${at}`);
    await ip("set", `lan${at}`, "up");
    await ip("set", `pod${at}`, "up");
  }
  await fill(scene, addresses);
  await using folder = await compiledPulse();
  await using first = speaker(scene, node1);
  await using gone = speaker(scene, node2);
  const isHalf = (count: number) => count > 0.4 * addresses && count < 0.6 * addresses;
  await has(node1, node1, isHalf);
  await settled(first);
  const rest = await costAtRest(first);
  await using pulse = node1.start(folder.program, ["7472"]);
  await pause(EVENT_MS);
  const died = Date.now();
  await gone.end("SIGKILL");
  await pause(EVENT_MS);
  const returned = Date.now();
  await using _back = speaker(scene, node2);
  await has(node2, node2, isHalf);
  await pause(EVENT_MS);
  const ended = Date.now();
  await pulse.end("SIGTERM");
  await has(node1, node1, isHalf);
  const { medianMs, slow }: Pulse = JSON.parse(pulse.output());
  const longest = (from: number, to: number) =>
    Math.max(0, ...slow.filter(({ atMs }) => atMs >= from && atMs < to).map(({ ms }) => ms));
  const stall = { baseline: medianMs, goal: { of: "value", atMost: 20 } } as const;
  return [
    figure(`scale-${name}-rest-main-thread`, rest.mainThread, "% of a core", {
      goal: { of: "value", atMost: 20 },
    }),
    figure(`scale-${name}-rest-process`, rest.process, "% of a core"),
    figure(`scale-${name}-memory`, residentMiB(first.pid), "MiB"),
    figure(`scale-${name}-rest-stall`, longest(died - EVENT_MS + 1_000, died), "ms", {
      baseline: medianMs,
    }),
    figure(`scale-${name}-death-stall`, longest(died, returned), "ms", stall),
    figure(`scale-${name}-return-stall`, longest(returned, ended), "ms", stall),
  ];
}

/** Services with their addresses, as a controller left them. */
async function fill(scene: Scene, addresses: number): Promise<void> {
  const config = "address-pools: [{name: default, protocol: layer2, addresses: [10.78.0.0/16]}]";
  await scene.write(
    "config.yaml",
    stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: "metallb-system", name: "config" },
      data: { config },
    }),
  );
  for (let from = 0; from < addresses; from += FILE_SERVICES) {
    const length = Math.min(FILE_SERVICES, addresses - from);
    const texts = Array.from({ length }, (_, place) => from + place).flatMap((at) => [
      stringify(storedService(`s${at}`, `10.78.${at >> 8}.${at & 255}`).object),
      stringify(storedSlice(`s${at}`, NAMES).object),
    ]);
    await scene.write(`services-${from}.yaml`, texts.join("---\n"));
  }
}

function speaker(scene: Scene, node: Host): RunningProcess {
  const last = node.name.replace("node", "");
  return scene.herald(
    node,
    "--role=speaker",
    `--node-name=${node.name}`,
    `--ml-bindaddr=10.77.1.1${last}`,
    "--ml-join=10.77.1.11,10.77.1.12",
    `--ml-secret-key=${KEY}`,
    "--interface=eth0,lan*",
  );
}

/** Waits until that node has so many; asks the other node where the answer must cost this one nothing. */
async function has(
  asked: Host,
  node: Host,
  isEnough: (count: number) => boolean,
): Promise<void> {
  await waitFor(`the addresses of ${node.name}`, async () => {
    const { stdout } = await asked.run("curl", "-s", "http://127.0.0.1:7472/status");
    if (!stdout.startsWith("{")) return false;
    const { speaker: { owned } = { owned: {} } } = JSON.parse(stdout);
    return isEnough(Number(owned[node.name] ?? 0));
  }, { timeoutMs: 120_000, everyMs: 500 });
}

/** Waits until all first announcements have left: they do at a pace, whatever there is to say. */
async function settled(process: RunningProcess): Promise<void> {
  let quiet = 0;
  while (quiet < 3) {
    const { mainThread } = await costOf(process, 1_000);
    quiet = mainThread < 10 ? quiet + 1 : 0;
  }
}

const costAtRest = (process: RunningProcess) => costOf(process, REST_MS);

async function costOf({ pid }: RunningProcess, ms: number) {
  const [began, all, main] = [performance.now(), processorMs(pid), threadMs(pid)];
  await pause(ms);
  const share = (now: number, before: number) => (now - before) / (performance.now() - began) * 100;
  return { process: share(processorMs(pid), all), mainThread: share(threadMs(pid), main) };
}

/** The program that asks, for as long as it is used. */
async function compiledPulse(): Promise<AsyncDisposable & { readonly program: string }> {
  const folder = await Deno.makeTempDir({ prefix: "herald-pulse-" });
  const program = `${folder}/pulse`;
  await must("gcc", [
    "-O2",
    "-o",
    program,
    fileURLToPath(new URL("./pulse/pulse.c", import.meta.url)),
  ]);
  return { program, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}
