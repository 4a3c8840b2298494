import assert from "node:assert/strict";
import type { Host } from "../support/lan.ts";
import type { RunningProcess } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { layCable } from "../support/lan.ts";
import { withOutput } from "../support/roles.ts";
import { makeScene, type Scene, serviceManifest, sliceManifest } from "./scene.ts";

/** The first address of each family's pool. */
export const VIP = { 4: "10.77.1.220", 6: "fd77::220" } as const;
export type Family = keyof typeof VIP;
/** Who answers: the packet socket, or the program in the kernel where the machine allows it. */
export const BACKENDS = ["socket", "auto"] as const;

/** One speaker that alone can own, on `node`, and what a row does with it. */
export interface Row extends AsyncDisposable {
  readonly scene: Scene;
  readonly node: Host;
  readonly speaker: RunningProcess;
  /** Makes a Service of that family with an endpoint on the node. */
  serve(name: string, family: Family): Promise<void>;
  /** A host on a cable of its own to an interface of the node that has that name. */
  addSide(interfaceName: string, mac: string): Promise<Host>;
  /** Descriptors that the speaker holds. */
  descriptors(): number;
}

/** Starts a controller elsewhere and a speaker on the first node; no Service is there yet. */
export async function startRow(...flags: string[]): Promise<Row> {
  await using unfinished = new AsyncDisposableStack();
  const scene = unfinished.use(await makeScene());
  const [node] = scene.nodes;
  assert.ok(node);
  await scene.remove("node2.yaml");
  unfinished.use(scene.herald(scene.pod, "--role=controller"));
  const speaker = unfinished.use(
    scene.herald(node, "--role=speaker", "--node-name=node1", ...flags),
  );
  const ready = async () => await page(node, "readyz") === "ok\n";
  await withOutput([speaker], () => waitFor("the speaker", ready));
  const finished = unfinished.move();
  return {
    scene,
    node,
    speaker,
    async serve(name, family) {
      const manifest = serviceManifest(name);
      const own = family === 4 ? manifest : manifest.replaceAll("172.17.12.39", "fd99::1");
      await scene.write(`${name}.yaml`, own);
      await scene.write(`${name}-slice.yaml`, sliceManifest(name, ["node1"]));
    },
    async addSide(interfaceName, mac) {
      const side = await scene.lan.addNamespace("side");
      await layCable(node, interfaceName, side, mac);
      await side.must("ip", "addr", "add", "10.77.1.99/24", "dev", "eth0");
      await side.must("ip", "addr", "add", "fd77::99/64", "dev", "eth0", "nodad");
      return side;
    },
    descriptors: () => [...Deno.readDirSync(`/proc/${speaker.pid}/fd`)].length,
    [Symbol.asyncDispose]: () => finished.disposeAsync(),
  };
}

/** A page of the speaker on that host. */
export async function page(host: Host, path: string): Promise<string> {
  const url = `http://127.0.0.1:7472/${path}`;
  return (await host.run("curl", "-s", "--max-time", "3", url)).stdout;
}

/** The hardware addresses of who answers a question for the address. */
export async function ask(host: Host, ip: string): Promise<string[]> {
  if (!ip.includes(":")) return await host.arping(ip, 1);
  const { stdout } = await host.run("ndisc6", "-m", "-r", "1", "-w", "300", ip, "eth0");
  return [...stdout.matchAll(/Target link-layer address: ([0-9A-F:]+)/g)].map(([, mac = ""]) =>
    mac.toLowerCase()
  );
}

/** Waits until these, and no others, answer for the address. */
export async function answeredBy(host: Host, ip: string, ...macs: string[]): Promise<void> {
  await waitFor(
    `${macs.join() || "nobody"} to answer for ${ip}`,
    async () => (await ask(host, ip)).join() === macs.join(),
  );
}
