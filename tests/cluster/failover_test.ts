import assert from "node:assert/strict";
import { sourceOf, startCapture } from "../support/capture.ts";
import type { Host } from "../support/lan.ts";
import { servePage } from "../support/pod.ts";
import type { RunningProcess } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";
import { makeStage, MANIFEST, type Stage } from "./stage.ts";

const CONFIGMAP = await Deno.readTextFile(
  new URL("../vectors/config/article-layer2.yaml", import.meta.url),
);
const VIP = "10.77.1.220";
const PAGE = "welcome to nginx";
/** As in row L1. */
const FAILOVER_MS = 400;
/** What a request may take by itself on a busy machine, connection and page. */
const REQUEST_MS = 500;
/** The kernel tells of a frame this much earlier or later than another program tells of its own time. */
const CLOCK_MS = 20;

/** One request of the client, in milliseconds of the wall clock. */
interface Request {
  readonly startMs: number;
  readonly endMs: number;
  /** The page, or why there was none. */
  readonly page?: string;
  readonly error?: string;
}

/** Asks for the page again and again, each time by a new ARP question and a new connection. */
const CLIENT = `
const decoder = new TextDecoder();
async function ask() {
  const conn = await Deno.connect({ hostname: "${VIP}", port: 80 });
  try {
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\\r\\nhost: vip\\r\\nconnection: close\\r\\n\\r\\n"));
    let text = "";
    const buffer = new Uint8Array(4096);
    for (let count; (count = await conn.read(buffer)) !== null;) text += decoder.decode(buffer.subarray(0, count));
    return text.slice(text.indexOf("\\r\\n\\r\\n") + 4);
  } finally {
    conn.close();
  }
}
while (true) {
  await new Deno.Command("ip", { args: ["neigh", "flush", "to", "${VIP}"], stdout: "null", stderr: "null" }).output();
  const startMs = Date.now();
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer in 5 s")), 5000));
  const result = await Promise.race([ask(), late]).then((page) => ({ page }), (error) => ({ error: String(error) }));
  console.log(JSON.stringify({ startMs, endMs: Date.now(), ...result }));
  await new Promise((resolve) => setTimeout(resolve, 5));
}
`;

function requestsOf(client: RunningProcess): Request[] {
  return client.output().split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line): Request => JSON.parse(line));
}

/** Kubernetes with a Service, its pod, and one speaker on each node that hear each other. */
async function startSpeakers(stage: Stage): Promise<Map<string, RunningProcess>> {
  const { kube } = stage;
  const speakers = new Map<string, RunningProcess>();
  for (const node of stage.nodes) speakers.set(node.name, await startSpeaker(stage, node));
  await kube.kubectl(["apply", "-f", "-"], NGINX);
  await stage.reportPod("default", "nginx", true, "10.244.1.5");
  const ports = ["--port=80", "--target-port=80"];
  await kube.kubectl(["expose", "pod", "nginx", ...ports, "--type=LoadBalancer"]);
  return speakers;
}

const NGINX = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "nginx", labels: { run: "nginx" } },
  spec: {
    nodeName: "node1",
    containers: [{ name: "nginx", image: "nginx", ports: [{ containerPort: 80 }] }],
  },
});

async function startSpeaker(stage: Stage, node: Host): Promise<RunningProcess> {
  const join = "--ml-join=10.77.1.11,10.77.1.12";
  return await stage.herald("speaker", node, join, "--ml-secret-key=a key of the tests");
}

async function waitForFellows(stage: Stage): Promise<void> {
  for (const [index, node] of stage.nodes.entries()) {
    const url = `http://10.77.1.${11 + index}:7472/metrics`; // the manifest binds it to the host's address
    await waitFor(`${node.name} to hear the other`, async () => {
      const { stdout } = await node.run("curl", "-s", url);
      return /herald_heartbeat_peers_up 1/.test(stdout);
    });
  }
}

async function waitForOwner({ client }: Stage, node: Host): Promise<void> {
  await waitFor(`${node.name} to answer alone`, async () => {
    const macs = new Set(await client.arping(VIP, 1));
    return macs.size === 1 && macs.has(node.mac);
  });
}

Deno.test("requests one after another while the owner dies, by SIGKILL and by SIGTERM, behind kube-proxy", async (t) => {
  await using stage = await makeStage();
  const [node1, node2] = stage.nodes;
  assert.ok(node1 && node2);
  await using _page = await servePage(stage.pod, PAGE);
  await stage.kube.kubectl(["apply", "-f", MANIFEST]);
  await stage.kube.kubectl(["apply", "-f", "-"], CONFIGMAP);
  await using controller = await stage.herald("controller", stage.master);
  const speakers = await startSpeakers(stage);
  await using _ends = {
    async [Symbol.asyncDispose]() {
      for (const speaker of speakers.values()) await speaker.end("SIGKILL");
    },
  };
  try {
    await waitForOwner(stage, node1);
    await waitForFellows(stage);
    for (const node of [node1, node2]) {
      await waitFor(
        `kube-proxy's rules on ${node.name}`,
        async () => (await node.must("iptables-save", "-t", "nat")).includes(`-d ${VIP}/32`),
      );
    }
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await t.step(`${signal} of the owner`, async () => {
        await failOver(stage, signal, speakers, [node1, node2]);
      });
      speakers.set(node1.name, await startSpeaker(stage, node1));
      await waitForOwner(stage, node1);
      await waitForFellows(stage);
    }
  } catch (error) {
    const logs = [controller, ...speakers.values()].map((role) => role.output());
    throw new Error(`The roles logged:\n${logs.join("---\n")}`, { cause: error });
  }
});

async function failOver(
  stage: Stage,
  signal: Deno.Signal,
  speakers: ReadonlyMap<string, RunningProcess>,
  [from, to]: readonly [Host, Host],
): Promise<void> {
  const { client } = stage;
  await using frames = await startCapture(
    client,
    `arp and ether src ${to.mac} and ether broadcast`,
  );
  await using asking = client.start(Deno.execPath(), ["eval", CLIENT]);
  await waitFor(
    "a row of pages",
    () => requestsOf(asking).slice(-20).filter(({ page }) => page === PAGE).length === 20,
  );
  const signalMs = Date.now();
  await speakers.get(from.name)?.end(signal);
  await waitForOwner(stage, to);
  const handed = requestsOf(asking).length;
  await waitFor("a row of pages by the new owner", () => requestsOf(asking).length > handed + 30);
  const requests = requestsOf(asking);
  const answered = requests.filter(({ page }) => page !== undefined);
  assert.deepEqual(new Set(answered.map(({ page }) => page)), new Set([PAGE]), "a wrong page");
  const announcedMs = frames.frames().filter((frame) => sourceOf(frame) === to.mac)
    .map(({ atMs }) => atMs).find((atMs) => atMs >= signalMs - CLOCK_MS);
  assert.ok(announcedMs !== undefined, "the new owner announced");
  // A connection that stands at that moment goes on to a node that does not know it: that one may
  // end, no other.
  const lost = requests.filter(({ error }) => error !== undefined);
  const stood = lost.filter(({ startMs, endMs }) =>
    startMs <= announcedMs + CLOCK_MS && endMs >= announcedMs - CLOCK_MS
  );
  assert.deepEqual(lost.length - stood.length, 0, JSON.stringify(lost));
  assert.ok(stood.length <= 1, JSON.stringify(stood));
  let gapMs = 0;
  for (const [place, { endMs }] of answered.entries()) {
    if (place > 0) gapMs = Math.max(gapMs, endMs - (answered[place - 1]?.endMs ?? endMs));
  }
  const allowed = REQUEST_MS + (signal === "SIGKILL" ? FAILOVER_MS : 0);
  assert.ok(gapMs <= allowed, `${gapMs} ms without a page`);
}
