import assert from "node:assert/strict";
import { startCapture } from "../support/capture.ts";
import { flood, gapAndOverlap, startProbe, type Watched } from "../support/probe.ts";
import { pause, waitFor } from "../support/wait.ts";
import { makeFailover } from "./failover_scene.ts";
import { answeredBy, ask, BACKENDS, startRow, VIP } from "./row_scene.ts";
import { nodeManifest, serviceManifest, sliceManifest } from "./scene.ts";

const FAMILIES = [4, 6] as const;
/** A folder's file is read when it was quiet for 50 ms; an API server's watch is quicker. */
const STORE_MS = 200;
const ANNOUNCEMENTS = {
  4: "arp[6:2] = 2 and ether broadcast",
  6: "icmp6[0] == 136 and ether dst 33:33:00:00:00:01",
} as const;

for (const family of FAMILIES) {
  Deno.test(`IPv${family}: an endpoint that flaps each 200 ms is announced once in 5 s, and the last state counts (row L20)`, async () => {
    await using it = await startRow();
    const { scene, node } = it;
    const ip = VIP[family];
    await it.serve("vip", family);
    await answeredBy(scene.client, ip, node.mac);
    await pause(5_500); // the announcements of the first time
    await using capture = await startCapture(scene.client, ANNOUNCEMENTS[family]);
    for (const last of [true, false]) {
      const from = capture.frames().length;
      for (let toggle = 0; toggle < 60; toggle++) {
        await scene.write("vip-slice.yaml", sliceManifest("vip", ["node1"], toggle % 2 === 1));
        await pause(200);
      }
      await scene.write("vip-slice.yaml", sliceManifest("vip", ["node1"], last));
      const times = capture.frames().slice(from).map(({ atMs }) => atMs);
      assert.ok(times.length >= 2, "it is announced at all");
      times.forEach((atMs, place) => {
        const since = atMs - (times[place - 1] ?? -Infinity);
        assert.ok(since > 4_900, `announced again after ${since} ms`);
      });
      await answeredBy(scene.client, ip, ...last ? [node.mac] : []);
      await pause(1_000);
      assert.deepEqual(new Set(await ask(scene.client, ip)), new Set(last ? [node.mac] : []));
      await pause(5_500);
    }
  });

  Deno.test(`IPv${family}: under policy Local the last pod's end silences its node, and without pods all (row L21)`, async () => {
    await using failover = await makeFailover();
    const { scene, names } = failover;
    const ip = VIP[family];
    const name = `v${family}`;
    const local = serviceManifest(name, 80, "  externalTrafficPolicy: Local\n");
    await scene.write(
      `${name}.yaml`,
      family === 4 ? local : local.replaceAll("172.17.12.39", "fd99::1"),
    );
    await waitFor("an owner", async () => await failover.owner(ip) >= 0);
    const owner = await failover.owner(ip);
    const own = failover.node(owner);
    await using probe = await startProbe(scene.client, ip);
    await pause(300);
    const ending = sliceManifest(name, names).replace(
      `nodeName: ${own.name}, conditions: { ready: true }`,
      `nodeName: ${own.name}, conditions: { ready: false, serving: true, terminating: true }`,
    );
    assert.match(ending, /terminating/);
    await scene.write(`${name}-slice.yaml`, ending);
    const endedMs = Date.now();
    await waitFor("another owner", async () => ![owner, -1].includes(await failover.owner(ip)));
    const next = failover.node(await failover.owner(ip));
    await pause(200);
    const seen = await probe.stop();
    const after = (atMs: number) => seen.startedMs + atMs - endedMs;
    const last = after(endOf(seen, own.mac));
    assert.ok(last <= 100 + STORE_MS, `the old owner answered for ${last} ms`);
    const told = seen.gratuitous.filter(({ mac, atMs }) => mac === next.mac && after(atMs) > 0);
    const first = after(told[0]?.atMs ?? Infinity);
    assert.ok(first <= 150 + STORE_MS, `the new owner announced after ${first} ms`);
    // Those that only serve on are better than none; those that do not are not.
    await scene.write(`${name}-slice.yaml`, sliceManifest(name, names, false));
    await waitFor("silence", async () => (await ask(scene.client, ip)).length === 0);
    await using silent = await startProbe(scene.client, ip);
    await pause(1_000);
    assert.deepEqual((await silent.stop()).runs.map(({ who }) => who), [""]);
  });

  Deno.test(`IPv${family}: a Node deleted and made anew owns only once it is Ready, a cordon changes nothing (row L22)`, async () => {
    await using failover = await makeFailover();
    const { scene } = failover;
    const ip = VIP[family];
    const owner = await failover.owner(ip);
    const own = failover.node(owner);
    const withUid = (uid: string, ready: boolean, spec = "") =>
      nodeManifest(own.name, ready, `{ round: "${uid}" }`).replace(
        "metadata: { ",
        `${spec}metadata: { uid: ${uid}, `,
      );
    for (const uid of ["second", "third"]) {
      await scene.remove(`${own.name}.yaml`);
      await waitFor("another owner", async () => ![owner, -1].includes(await failover.owner(ip)));
      await using probe = await startProbe(scene.client, ip);
      await scene.write(`${own.name}.yaml`, withUid(uid, false));
      await pause(700);
      const between = await probe.stop();
      assert.ok(between.runs.every(({ who }) => who !== "" && !who.includes(own.mac)));
      await using back = await startProbe(scene.client, ip);
      await scene.write(`${own.name}.yaml`, withUid(uid, true));
      const readyMs = Date.now();
      await waitFor("the owner again", async () => await failover.owner(ip) === owner);
      await pause(200);
      const seen = await back.stop();
      const { gapMs, overlapMs } = gapAndOverlap(seen);
      assert.ok(gapMs === 0 && overlapMs <= 50, JSON.stringify(seen.runs));
      const first = seen.runs.find(({ who }) => who.includes(own.mac))?.atMs ?? Infinity;
      const took = seen.startedMs + first - readyMs;
      assert.ok(took <= 1_000 + STORE_MS, `a candidate after ${took} ms`);
    }
    await using calm = await startProbe(scene.client, ip);
    await scene.write(
      `${own.name}.yaml`,
      withUid("third", true, "spec: { unschedulable: true }\n"),
    );
    await pause(700);
    assert.deepEqual((await calm.stop()).runs.map(({ who }) => who), [own.mac]);
  });
}

/** Until when that host answered, in milliseconds since the prober's start. */
function endOf({ runs }: Watched, mac: string): number {
  const last = runs.findLast(({ who }) => who.includes(mac));
  return last === undefined ? -Infinity : last.atMs + last.count;
}

/** What two processors carry beside prober, switch and speaker; the row asks for 100,000. */
const FLOOD_PER_SECOND = 30_000;
const FLOOD_SECONDS = 4;

for (const backend of BACKENDS) {
  for (const family of FAMILIES) {
    Deno.test(`IPv${family}: a flood of requests for others costs no answer and no memory: ${backend} (row L24)`, async () => {
      await using it = await startRow(`--arp-backend=${backend}`);
      const { scene, node } = it;
      const ip = VIP[family];
      await it.serve("vip", family);
      await answeredBy(scene.client, ip, node.mac);
      const [, sender] = scene.nodes;
      assert.ok(sender);
      await flood(sender, family, FLOOD_PER_SECOND, 1); // what the runtime takes once
      const before = residentKib(it.speaker.pid);
      await using probe = await startProbe(scene.client, ip);
      const sent = await flood(sender, family, FLOOD_PER_SECOND, FLOOD_SECONDS);
      const { runs } = await probe.stop();
      const grown = residentKib(it.speaker.pid) - before;
      const asked = runs.reduce((sum, { count }) => sum + count, 0);
      const lost = runs.filter(({ who }) => who !== node.mac)
        .reduce((sum, { count }) => sum + count, 0);
      assert.ok(sent > FLOOD_PER_SECOND, `${sent} frames in ${FLOOD_SECONDS} s are no flood`);
      assert.ok(lost <= asked / 1_000, `${lost} of ${asked} requests were not answered`);
      assert.ok(grown <= 16 * 1024, `${grown} KiB more`);
    });
  }
}

function residentKib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}
