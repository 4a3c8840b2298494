import assert from "node:assert/strict";
import type { Host } from "../support/lan.ts";
import { must, type RunningProcess } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { withOutput } from "../support/roles.ts";
import { makeScene, type Scene, serviceManifest, sliceManifest } from "./scene.ts";

/** One Service of each family. */
export const VIP = { 4: "10.77.1.220", 6: "fd77::220" } as const;

/** Three speakers that know each other, and what each test does with them. */
export interface Failover extends AsyncDisposable {
  readonly scene: Scene;
  readonly names: readonly string[];
  node(index: number): Host;
  process(index: number): RunningProcess;
  /** Which node alone answers now; -1 when none or several do. */
  owner(ip: string): Promise<number>;
  start(index: number): Promise<void>;
  /** The same, where its gossip is at another address. */
  startAt(index: number, address: string): Promise<void>;
  /** Speakers that start from here on have this key, or these, one a line. */
  setKey(text: string): void;
  end(index: number, signal: Deno.Signal): Promise<number>;
  /** Adds Services with an address each and gives the addresses, once all are announced. */
  addServices(count: number): Promise<string[]>;
}

const NODES = 3;

/** Gossip goes over the LAN itself; gives what its addresses begin with. */
function lanNetwork(_scene: Scene): Promise<string> {
  return Promise.resolve("10.77.1.");
}

/** Lays a second network for gossip, which lives on when a node's `eth0` is down. */
export async function secondNetwork(scene: Scene): Promise<string> {
  const { netns } = await scene.lan.addNamespace("second");
  const ip = (namespace: string, ...args: string[]) => must("ip", ["-n", namespace, ...args]);
  await ip(netns, "link", "add", "br0", "type", "bridge", "forward_delay", "0");
  await ip(netns, "link", "set", "br0", "up");
  for (const [index, node] of scene.nodes.entries()) {
    const pair = ["type", "veth", "peer", "name", "second0", "netns", node.netns];
    await ip(netns, "link", "add", `port${index}`, ...pair);
    await ip(netns, "link", "set", `port${index}`, "master", "br0", "up");
    await ip(node.netns, "link", "set", "second0", "up");
    await ip(node.netns, "addr", "add", `10.79.0.${11 + index}/24`, "dev", "second0");
  }
  return "10.79.0.";
}

/** Starts three speakers, their controller on a host of its own, and waits for owners. */
export async function makeFailover(
  flags: readonly string[] | ((node: string) => readonly string[]) = [],
  network = lanNetwork,
): Promise<Failover> {
  await using unfinished = new AsyncDisposableStack();
  const scene = unfinished.use(await makeScene(NODES));
  const gossip = await network(scene);
  const names = scene.nodes.map(({ name }) => name);
  unfinished.use(scene.herald(scene.pod, "--role=controller"));
  const processes: RunningProcess[] = [];
  unfinished.defer(async () => {
    await Promise.all(processes.map((process) => process.end("SIGKILL")));
  });
  const join = scene.nodes.map((_, index) => `${gossip}${11 + index}`).join(",");
  const node = (index: number) => scene.nodes[index] ?? assert.fail(`no node ${index}`);
  let key = "a key of the tests";
  const start = (index: number) => startAt(index, `${gossip}${11 + index}`);
  function startAt(index: number, address: string): Promise<void> {
    processes[index] = scene.herald(
      node(index),
      "--role=speaker",
      `--node-name=${node(index).name}`,
      `--ml-bindaddr=${address}`,
      `--ml-join=${join}`,
      `--ml-secret-key=${key}`,
      ...typeof flags === "function" ? flags(node(index).name) : flags,
    );
    return Promise.resolve();
  }
  async function owner(ip: string): Promise<number> {
    const macs = new Set(await askAll(scene.client, ip));
    const [mac] = macs;
    return macs.size === 1 ? scene.nodes.findIndex((one) => one.mac === mac) : -1;
  }
  const failover: Omit<Failover, typeof Symbol.asyncDispose> = {
    scene,
    names,
    node,
    process: (index) => processes[index] ?? assert.fail(`no process ${index}`),
    owner,
    start,
    startAt,
    setKey: (text) => void (key = text),
    end: (index, signal) => failover.process(index).end(signal),
    async addServices(count) {
      const manifests: string[] = [];
      for (let index = 0; index < count; index++) {
        const many = "metallb.universe.tf/address-pool: many";
        manifests.push(
          serviceManifest(`s${index}`, 80, "", many),
          sliceManifest(`s${index}`, names),
        );
      }
      await scene.write("config.yaml", CONFIG);
      await scene.write("many.yaml", manifests.join("---\n"));
      const ips = Array.from({ length: count }, (_, at) => `10.78.${at >> 8}.${at & 255}`);
      await waitFor("all addresses to be announced", async () => {
        const { stdout } = await node(0).run("curl", "-s", "http://127.0.0.1:7472/status");
        const { speaker } = JSON.parse(stdout);
        return speaker.addresses.filter(({ owner }: { owner?: string }) => owner).length >=
          count + 2;
      }, { timeoutMs: 60_000 });
      return ips;
    },
  };
  for (let index = 0; index < NODES; index++) await start(index);
  await scene.write("v4.yaml", serviceManifest("v4"));
  await scene.write("v6.yaml", serviceManifest("v6").replaceAll("172.17.12.39", "fd99::1"));
  await scene.write("v4-slice.yaml", sliceManifest("v4", names));
  await scene.write("v6-slice.yaml", sliceManifest("v6", names));
  await withOutput(processes, async () => {
    for (const ip of Object.values(VIP)) {
      await waitFor(`an owner of ${ip}`, async () => await owner(ip) >= 0);
    }
    await waitFor("all speakers to hear each other", async () => {
      const counts = await Promise.all(scene.nodes.map(async (one) => {
        const { stdout } = await one.run("curl", "-s", "http://127.0.0.1:7472/metrics");
        return /herald_heartbeat_peers_up (\d+)/.exec(stdout)?.[1];
      }));
      return counts.every((count) => count === String(NODES - 1));
    });
  });
  const finished = unfinished.move();
  return { ...failover, [Symbol.asyncDispose]: () => finished.disposeAsync() };
}

const CONFIG = `apiVersion: v1
kind: ConfigMap
metadata: { namespace: metallb-system, name: config }
data:
  config: |
    address-pools:
      - { name: default, protocol: layer2, addresses: [10.77.1.220-10.77.1.240, "fd77::220-fd77::240"] }
      - { name: many, protocol: layer2, addresses: [10.78.0.0/16] }
`;

async function askAll(client: Host, ip: string): Promise<string[]> {
  if (!ip.includes(":")) return await client.arping(ip, 1);
  const [command, args] = client.inside("ndisc6", "-m", "-w", "300", ip, "eth0");
  const output = await must("sh", ["-c", `${command} ${args.join(" ")} || true`]);
  return [...output.matchAll(/Target link-layer address: ([0-9A-F:]+)/g)].map(([, mac = ""]) =>
    mac.toLowerCase()
  );
}
