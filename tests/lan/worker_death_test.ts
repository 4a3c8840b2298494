import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LINGER_MS } from "../../lib/speaker/ownership.ts";
import { withOutput } from "../support/roles.ts";
import { pause, waitFor } from "../support/wait.ts";
import { gapAndOverlap, startProbe } from "../support/probe.ts";
import type { RunningProcess } from "../support/process.ts";
import { makeScene, type Scene, SERVICE_IP, serviceManifest, sliceManifest } from "./scene.ts";
import { page } from "./row_scene.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LOOP = `file://${ROOT}lib/host/linux/packet/loop.ts`;
const NODES = ["node1", "node2"];
const GAP_MS = 400;
/** An owner waits so long for the claim; two programs from their source have a lot to do meanwhile. */
const OVERLAP_MS = LINGER_MS + 100;

/** Herald from its source, but for a part of the Worker that throws once a file is there. */
async function makeFaulty(folder: string, flag: string): Promise<string[]> {
  await Deno.writeTextFile(
    `${folder}/loop.ts`,
    `import { createPacketPart as real } from "${LOOP}?real";
export function createPacketPart(...given) {
  const part = real(...given);
  return {
    ...part,
    turn(events) {
      try {
        Deno.statSync("${flag}");
      } catch {
        return part.turn(events);
      }
      throw new RangeError("a fault of the test");
    },
  };
}
`,
  );
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const map: Record<string, string> = { [LOOP]: `file://${folder}/loop.ts` };
  for (const [name, to] of Object.entries<string>(imports)) {
    map[name] = to.startsWith("./") ? `file://${ROOT}${to.slice(2)}` : to;
    if (to.startsWith("npm:")) map[`${name}/`] = `${to.replace("npm:", "npm:/")}/`;
  }
  await Deno.writeTextFile(`${folder}/map.json`, JSON.stringify({ imports: map }));
  const flags = ["-A", "-q", "--no-check", `--config=${ROOT}deno.json`];
  return ["run", ...flags, `--import-map=${folder}/map.json`, `${ROOT}main.ts`];
}

function startOn(
  scene: Scene,
  index: number,
  args: readonly string[],
): RunningProcess {
  const node = scene.nodes[index] ?? assert.fail();
  return node.start(Deno.execPath(), [
    ...args,
    "run",
    `--store=${scene.store}`,
    "--log-format=json",
    "--role=speaker",
    `--node-name=${NODES[index]}`,
    `--ml-bindaddr=10.77.1.${11 + index}`,
    "--ml-join=10.77.1.11,10.77.1.12",
    "--ml-secret-key=a key of the tests",
  ]);
}

Deno.test("the thread that answers dies on an owner: another answers, and the owner says so in all ways (layer 2, fault 6b)", async () => {
  await using scene = await makeScene(NODES.length);
  await using folders = new AsyncDisposableStack();
  const faults: string[] = [];
  const processes: RunningProcess[] = [];
  await using _controller = scene.herald(scene.pod, "--role=controller");
  for (const index of NODES.keys()) {
    const folder = await Deno.makeTempDir({ prefix: "herald-fault-" });
    folders.defer(() => Deno.remove(folder, { recursive: true }));
    faults.push(`${folder}/fault`);
    const args = await makeFaulty(folder, `${folder}/fault`);
    processes.push(folders.use(startOn(scene, index, args)));
  }
  await scene.write("web.yaml", serviceManifest("web"));
  await scene.write("web-slice.yaml", sliceManifest("web", NODES));
  const ownerNow = async () => {
    const macs = new Set(await scene.client.arping(SERVICE_IP, 1));
    return macs.size === 1 ? scene.nodes.findIndex(({ mac }) => macs.has(mac)) : -1;
  };
  await withOutput(processes, async () => {
    await waitFor("both speakers to hear each other", async () => {
      const texts = await Promise.all(scene.nodes.map((node) => page(node, "metrics")));
      return texts.every((text) => /herald_heartbeat_peers_up 1/.test(text));
    }, { timeoutMs: 30_000 });
    await waitFor("an owner", async () => await ownerNow() >= 0);
    const before = await ownerNow();
    const node = scene.nodes[before] ?? assert.fail();
    await using probe = await startProbe(scene.client, SERVICE_IP);
    await pause(300);
    await Deno.writeTextFile(faults[before] ?? assert.fail(), "");
    await waitFor("the other one", async () => await ownerNow() === 1 - before);
    const { gapMs, overlapMs } = gapAndOverlap(await probe.stop());
    // The fault is where the next frame comes, and what it was to be told by.
    assert.ok(gapMs <= GAP_MS && overlapMs <= OVERLAP_MS, `${gapMs} ms, two for ${overlapMs} ms`);
    const { speaker, unhealthy } = JSON.parse(await page(node, "status"));
    assert.match(String(unhealthy), /herald-arp ended: .*a fault of the test/);
    const [row] = speaker.addresses;
    assert.deepEqual([row.announcing, row.owner], [false, NODES[1 - before]], row.reason);
    const metric = new RegExp(`metallb_speaker_announced\\{[^}]*ip="${SERVICE_IP}"\\} 1`);
    assert.doesNotMatch(await page(node, "metrics"), metric);
    const shown = await page(node, "");
    assert.match(shown, /Unhealthy: herald-arp ended: .*a fault of the test/);
    assert.ok(!shown.includes("answers<") && shown.includes(`>${NODES[1 - before]}<`), shown);
    assert.doesNotMatch(await page(node, "healthz"), /^ok/);
  });
});
