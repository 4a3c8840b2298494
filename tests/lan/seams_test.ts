import assert from "node:assert/strict";
import { inOneOfThree } from "../support/attempts.ts";
import { encodeMessage } from "../../lib/gossip/message.ts";
import { sealPacket } from "../../lib/gossip/packet.ts";
import { encodeHeartbeat, heartbeatKey } from "../../lib/heartbeat/packet.ts";
import { startCapture } from "../support/capture.ts";
import { gapAndOverlap, startProbe } from "../support/probe.ts";
import { pause, waitFor } from "../support/wait.ts";
import { type Failover, makeFailover, VIP } from "./failover_scene.ts";

// What one part does and another does not know of: filters, restarts in a row, keys, addresses.

/** Two answers to one question, while the old owner hears of the new one. */
const OVERLAP_MS = 50;
const GAP_MS = 400;
/** As the pages say: about five seconds. */
const DEATH_MS = 7_000;

async function metricsOf(failover: Failover, index: number): Promise<string> {
  const { stdout } = await failover.node(index).run("curl", "-s", "http://127.0.0.1:7472/metrics");
  return stdout;
}

async function allHear(failover: Failover, count: number): Promise<void> {
  await waitFor(`all to hear ${count}`, async () => {
    const found = await Promise.all(
      failover.names.map(async (_, index) =>
        /herald_heartbeat_peers_up (\d+)/.exec(await metricsOf(failover, index))?.[1]
      ),
    );
    return found.every((one) => one === String(count));
  });
}

Deno.test("UDP 7947 filtered while running: one owner all along, the log names the port, and gossip notices a death (layer 2, fault 3)", async () => {
  await using failover = await makeFailover();
  const owner = await failover.owner(VIP[4]);
  await using probe = await startProbe(failover.scene.client, VIP[4]);
  for (const index of failover.names.keys()) {
    const rules =
      "table inet shut { chain in { type filter hook input priority 0; udp dport 7947 drop; }; }";
    await failover.node(index).must("nft", rules);
  }
  await allHear(failover, 0);
  await pause(6_000);
  assert.equal(await failover.owner(VIP[4]), owner);
  const { gapMs, overlapMs } = gapAndOverlap(await probe.stop());
  assert.ok(
    gapMs <= GAP_MS && overlapMs <= OVERLAP_MS,
    `${gapMs} ms silent, two for ${overlapMs} ms`,
  );
  for (const index of failover.names.keys()) {
    assert.match(failover.process(index).output(), /is UDP port 7947 filtered/);
  }

  await using dying = await startProbe(failover.scene.client, VIP[4]);
  await pause(300);
  await failover.end(owner, "SIGKILL");
  await waitFor("another owner", async () => ![owner, -1].includes(await failover.owner(VIP[4])));
  await pause(300);
  const { gapMs: deathMs } = gapAndOverlap(await dying.stop());
  assert.ok(deathMs <= DEATH_MS, `noticed after ${deathMs} ms`);
});

Deno.test(
  "the gossip key is changed in three rolls, and no address has two owners (layer 2, fault 11)",
  inOneOfThree(async () => {
    await using failover = await makeFailover();
    const [old, next] = ["a key of the tests", "another key of the tests, long enough for all"];
    await using probe = await startProbe(failover.scene.client, VIP[4]);
    for (const key of [`${old}\n${next}`, `${next}\n${old}`, next]) {
      failover.setKey(key);
      for (const index of failover.names.keys()) {
        assert.equal(await failover.end(index, "SIGTERM"), 0);
        await failover.start(index);
        await allHear(failover, failover.names.length - 1);
      }
    }
    await pause(300);
    const seen = await probe.stop();
    const { gapMs, overlapMs } = gapAndOverlap(seen);
    assert.equal(gapMs, 0, JSON.stringify(seen.runs));
    // Nine restarts in a row: a handover may be slow, a second owner lasts.
    assert.ok(overlapMs <= 5 * OVERLAP_MS, `two for ${overlapMs} ms`);
  }),
);

Deno.test("a node that comes back at another address announces nothing until it is taken, then its share (layer 2, fault 1a)", async () => {
  await using failover = await makeFailover();
  const owner = await failover.owner(VIP[4]);
  const node = failover.node(owner);
  await failover.end(owner, "SIGKILL");
  await waitFor("another owner", async () => {
    const now = await failover.owner(VIP[4]);
    return now >= 0 && now !== owner;
  });
  const address = (last: number) => `10.77.1.${last}/24`;
  await node.must("ip", "addr", "del", address(11 + owner), "dev", "eth0");
  await node.must("ip", "addr", "add", address(60 + owner), "dev", "eth0");
  await using probe = await startProbe(failover.scene.client, VIP[4]);
  await failover.startAt(owner, `10.77.1.${60 + owner}`);
  await waitFor("the node to know that it is refused", async () => {
    const { stdout } = await node.run("curl", "-s", "http://127.0.0.1:7472/readyz");
    return /new address half a minute|another speaker has the node name/.test(stdout);
  });
  await waitFor("its share", async () => await failover.owner(VIP[4]) === owner, {
    timeoutMs: 60_000,
  });
  const { gapMs, overlapMs } = gapAndOverlap(await probe.stop());
  assert.equal(gapMs, 0);
  assert.ok(overlapMs <= OVERLAP_MS, `two for ${overlapMs} ms`);
});

/** Sends the datagram to the address so often, until it is ended; counts what the kernel took. */
const FLOOD = `
  import { createSocket } from "node:dgram";
  const [hex, to, port, perSecond] = Deno.args;
  const bytes = Uint8Array.fromHex(hex);
  const socket = createSocket("udp4");
  const began = performance.now();
  let [sent, left] = [0, 0];
  setInterval(() => {
    const due = (performance.now() - began) * Number(perSecond) / 1_000;
    for (; sent < due && sent - left < 1_000; sent++) {
      socket.send(bytes, Number(port), to, () => left++);
    }
  }, 5);
  setInterval(() => console.log("sent " + left), 500);
`;

Deno.test("30,000 packets a second of a stranger at UDP 7947 or 7946 move no address (layer 2, fault 8)", async () => {
  await using failover = await makeFailover();
  const { client } = failover.scene;
  const owners = async () => [await failover.owner(VIP[4]), await failover.owner(VIP[6])].join();
  const before = await owners();
  const key = new Uint8Array(32).fill(9);
  const beat = encodeHeartbeat({
    sender: "node2",
    boot: 1,
    sequence: 1,
    body: {
      kind: "beat",
      intervalMs: 50,
      multiplier: 3,
      canAnnounce: true,
      ringed: false,
      stale: false,
    },
  }, heartbeatKey(key));
  const left = encodeMessage({ kind: "dead", node: "node2", incarnation: 99, from: "node2" });
  const gossip = sealPacket([left], { keys: [key], nonce: new Uint8Array(12) });
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/flood.mjs`, FLOOD);
  const args = ["run", "-A", "--no-config", `${folder}/flood.mjs`];
  const sent = (output: string) =>
    Math.max(0, ...[...output.matchAll(/sent (\d+)/g)].map(([, n]) => Number(n)));
  try {
    for (const [packet, port, channel] of [[beat, 7947, "heartbeat"], [gossip, 7946, "gossip"]]) {
      const where = [(packet as Uint8Array).toHex(), "10.77.1.11", `${port}`, "30000"];
      await using flood = client.start(Deno.execPath(), [...args, ...where]);
      await waitFor("the flood", () => sent(flood.output()) > 100_000, { timeoutMs: 60_000 });
      // Told once a second, however busy the machine is.
      const count = new RegExp(
        `herald_${channel}_refused_total\\{reason="unknown-address"\\} (\\d+)`,
      );
      await waitFor(`the flood at ${port} to be refused`, async () => {
        return Number(count.exec(await metricsOf(failover, 0))?.[1]) > 10_000;
      });
    }
    for (const index of failover.names.keys()) {
      assert.match(await metricsOf(failover, index), /herald_heartbeat_downs_total 0/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assert.equal(await owners(), before);
});

Deno.test("64 idle streams of a stranger keep no speaker from joining (layer 2, fault 12)", async () => {
  await using failover = await makeFailover();
  assert.equal(await failover.end(0, "SIGTERM"), 0);
  const open = [12, 13].map((last) =>
    `for i in $(seq 64); do exec {fd}<>/dev/tcp/10.77.1.${last}/7946; done`
  );
  await using _ = failover.scene.client.start("bash", [
    "-c",
    `while true; do ${open.join("; ")}; sleep 0.5; done 2>/dev/null`,
  ]);
  await pause(1_000);
  await failover.start(0);
  const began = performance.now();
  await allHear(failover, failover.names.length - 1);
  assert.ok(performance.now() - began < 10_000, "it took 39 s where strangers held all streams");
});

Deno.test("nodes with different election rules do not storm (layer 2, fault 7)", async () => {
  let rule: readonly string[] = [];
  await using failover = await makeFailover((node) => node === "node1" ? rule : []);
  // Only then: where each names the other, an address has no owner, and no scene is ever up.
  rule = ["--l2-election=v0.10"];
  assert.equal(await failover.end(0, "SIGTERM"), 0);
  await failover.start(0);
  await allHear(failover, failover.names.length - 1);
  const ips = await failover.addServices(30);
  await pause(8_000); // the announcements of the start
  for (const [index, name] of failover.names.entries()) {
    const told = failover.process(index).output().match(
      /rules-differ/g,
    );
    assert.equal(told?.length, 1, `${name} tells that rules differ, once`);
  }
  assert.match(
    failover.process(0).output(),
    /"kind":"address-unclaimed".*nobody claims .* for node[23]/,
  );
  await using capture = await startCapture(failover.scene.client, "arp");
  await pause(10_000);
  // An announcement: sender and target address are the same.
  const announcements = capture.frames().filter(({ hex }) =>
    hex.slice(24, 28) === "0806" && hex.slice(56, 64) === hex.slice(76, 84)
  );
  assert.ok(announcements.length <= 8 * ips.length, `${announcements.length} in 10 s`);
  const claimed = /herald_layer2_handovers_total\{outcome="claimed"\} (\d+)/.exec(
    await metricsOf(failover, 0),
  );
  assert.ok(Number(claimed?.[1]) <= 30 * ips.length, `${claimed?.[1]} claims`);
});
