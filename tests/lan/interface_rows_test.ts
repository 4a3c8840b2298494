import assert from "node:assert/strict";
import { request, SENDER } from "../host/linux/frames.ts";
import { inject } from "../host/linux/child_process.ts";
import { sourceOf, startCapture } from "../support/capture.ts";
import { gapAndOverlap, startProbe } from "../support/probe.ts";
import { must } from "../support/process.ts";
import { pause, waitFor } from "../support/wait.ts";
import { layCable } from "../support/lan.ts";
import { makeFailover, secondNetwork } from "./failover_scene.ts";
import { answeredBy, ask, BACKENDS, page, startRow, VIP } from "./row_scene.ts";

const LATE_MAC = "02:00:00:00:88:01";
const BRIDGE_MAC = "02:00:00:00:77:01";
const plain = (mac: string) => mac.replaceAll(":", "");
/** Each a real deletion: enough that a leak of one in ten shows. */
const CYCLES = 60;

/** The owner's only interface goes down; its gossip goes another way and lives on. */
Deno.test("the owner's interface goes down: another announces within 400 ms, no descriptor is lost (row L12)", async () => {
  for (const network of [undefined, secondNetwork]) {
    await using failover = await makeFailover(["--interface=eth0"], network);
    const { client, lan } = failover.scene;
    for (const ip of Object.values(VIP)) {
      const owner = await failover.owner(ip);
      const { pid } = failover.process(owner);
      const descriptors = () => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
      const before = descriptors();
      await using probe = await startProbe(client, ip);
      await pause(300);
      await lan.setCable(failover.node(owner), "down");
      await waitFor("another owner", async () => ![owner, -1].includes(await failover.owner(ip)));
      const seen = await probe.stop();
      const { gapMs, overlapMs } = gapAndOverlap(seen);
      assert.ok(gapMs <= 400, `${gapMs} ms`);
      assert.equal(overlapMs, 0, JSON.stringify(seen.runs));
      const now = await failover.owner(ip);
      const { mac } = failover.node(now);
      assert.ok(seen.gratuitous.some((one) => one.mac === mac), "it did not announce");
      // Fewer may be open: those of a start end while the speaker runs.
      assert.ok(descriptors() <= before + 1, `${before} descriptors, now ${descriptors()}`);
      if (network !== undefined) {
        const { stdout } = await failover.node(now).run(
          "curl",
          "-s",
          "http://127.0.0.1:7472/status",
        );
        assert.match(stdout, /cannot announce/, "it lives and says so");
      }
      await lan.setCable(failover.node(owner), "up");
      await waitFor("the first owner again", async () => await failover.owner(ip) === owner);
    }
  }
});

for (const backend of BACKENDS) {
  Deno.test(`a renamed interface goes on answering, and selectors see its new name: ${backend} (row L14)`, async () => {
    await using it = await startRow(`--arp-backend=${backend}`, "--interface=!shut*");
    const { scene: { client }, node } = it;
    await it.serve("four", 4);
    await it.serve("six", 6);
    for (const ip of Object.values(VIP)) await answeredBy(client, ip, node.mac);
    const before = it.descriptors();
    await using four = await startProbe(client, VIP[4]);
    await using six = await startProbe(client, VIP[6]);
    await pause(200);
    await node.must("ip", "link", "set", "eth0", "name", "net0");
    const status = await waitFor("the new name", async () => {
      const { speaker } = JSON.parse(await page(node, "status"));
      const names = speaker.interfaces.map(({ name }: { name: string }) => name);
      return names.includes("net0") && names;
    });
    assert.ok(!status.includes("eth0"));
    for (const probe of [four, six]) {
      const { gapMs } = gapAndOverlap(await probe.stop());
      assert.ok(gapMs <= 50, `${gapMs} ms`);
    }
    const told = it.speaker.output().split("\n").filter((line) => /"interface":"net0"/.test(line));
    assert.equal(told.length, 1, told.join("\n"));
    await node.must("ip", "link", "set", "net0", "name", "shut0");
    for (const ip of Object.values(VIP)) await answeredBy(client, ip);
    await node.must("ip", "link", "set", "shut0", "name", "eth0");
    for (const ip of Object.values(VIP)) await answeredBy(client, ip, node.mac);
    assert.equal(it.descriptors(), before);
  });

  Deno.test(`an interface deleted and made again ${CYCLES} times answers each time and leaves no descriptor: ${backend} (row L15)`, async () => {
    await using it = await startRow(`--arp-backend=${backend}`);
    const { node } = it;
    await it.serve("four", 4);
    await it.serve("six", 6);
    const side = await it.addSide("late0", LATE_MAC);
    for (const ip of Object.values(VIP)) await answeredBy(side, ip, LATE_MAC);
    const before = it.descriptors();
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      await node.must("ip", "link", "del", "late0");
      await layCable(node, "late0", side, LATE_MAC);
      await side.must("ip", "addr", "add", "10.77.1.99/24", "dev", "eth0");
      await side.must("ip", "addr", "add", "fd77::99/64", "dev", "eth0", "nodad");
      await waitFor("answers", async () => (await ask(side, VIP[6])).join() === LATE_MAC);
      if (cycle % 10 === 0) await answeredBy(side, VIP[4], LATE_MAC);
    }
    // The solicited-node group is joined anew: a switch with snooping would forward nothing else.
    assert.match(await node.must("ip", "maddr", "show", "dev", "late0"), /ff02::1:ff00:220/);
    await waitFor("all descriptors to be back", () => it.descriptors() <= before);
    const sockets = await node.must("ss", "-0", "-a", "-n", "-p");
    const own = sockets.split("\n").filter((line) => line.includes(`pid=${it.speaker.pid},`));
    assert.equal(own.length, 2, "one packet socket for each protocol, whatever the interfaces");
  });

  Deno.test(`a bridge answers once, for its ports and for nothing tagged, and announces a new address: ${backend} (rows L16, L17)`, async () => {
    await using it = await startRow(`--arp-backend=${backend}`);
    const { scene: { client }, node } = it;
    await it.serve("four", 4);
    await it.serve("six", 6);
    for (const ip of Object.values(VIP)) await answeredBy(client, ip, node.mac);
    // As a bond would: the hardware addresses of its ports are another's.
    await node.must("ip", "link", "add", "br1", "type", "bridge", "forward_delay", "0");
    const side = await it.addSide("late0", LATE_MAC);
    for (const port of ["eth0", "late0"]) {
      await node.must("ip", "link", "set", port, "master", "br1");
    }
    await node.must("ip", "link", "set", "br1", "address", BRIDGE_MAC, "up");
    for (const host of [client, side]) {
      for (const ip of Object.values(VIP)) await answeredBy(host, ip, BRIDGE_MAC);
    }
    await using capture = await startCapture(client, "arp or icmp6[0] == 136");
    const question = (n: number, tag = "") =>
      request({ senderIp: `0a4d630${n}`, targetIp: "0a4d01dc", tag });
    const replies = await inject(client, question(1), question(2, "81000005"), question(3));
    const askers = replies.filter((hex) => hex.startsWith(SENDER)).map((hex) => hex.slice(76, 84));
    assert.deepEqual(askers, ["0a4d6301", "0a4d6303"]);
    const solicited = () =>
      capture.frames().filter(({ hex }) =>
        hex.startsWith(plain(client.mac)) && hex.slice(108, 110) === "88"
      );
    const before = solicited().length;
    assert.deepEqual(new Set(await ask(client, VIP[6])), new Set([BRIDGE_MAC]));
    await waitFor("the advertisement's frame", () => solicited().length > before);
    assert.equal(solicited().length, before + 1, "one reply");
    const own = capture.frames().filter(({ hex }) => hex.startsWith(SENDER));
    assert.ok(own.every((frame) => sourceOf(frame) === BRIDGE_MAC), JSON.stringify(own));
    assert.doesNotMatch(
      JSON.stringify(JSON.parse(await page(node, "status")).speaker.interfaces),
      /eth0|late0/,
    );
    // A bridge that lost its master's address takes another: what L16 asks of a bond.
    const changed = "02:00:00:00:77:02";
    await node.must("ip", "link", "set", "br1", "address", changed);
    for (const ip of Object.values(VIP)) {
      await waitFor(
        "the new address to be announced",
        () =>
          capture.frames().some((frame) =>
            sourceOf(frame) === changed && /^(ffffffffffff|333300000001)/.test(frame.hex)
          ),
      );
      await answeredBy(client, ip, changed);
    }
    await node.must("ip", "link", "set", "eth0", "nomaster");
    for (const ip of Object.values(VIP)) await answeredBy(client, ip, node.mac);
  });

  Deno.test(`an interface that shares its parent's cable leaves the answer to the parent: ${backend} (row L17)`, async () => {
    await using it = await startRow(`--arp-backend=${backend}`);
    const { scene: { client }, node } = it;
    await it.serve("four", 4);
    await it.serve("six", 6);
    const shim = ["link", "eth0", "name", "shim0", "address", LATE_MAC, "type", "macvlan"];
    await node.must("ip", "link", "add", ...shim, "mode", "bridge");
    await node.must("ip", "link", "set", "shim0", "up");
    await waitFor(
      "its link",
      async () => /state UP/.test(await must("ip", ["-n", node.netns, "link", "show", "shim0"])),
    );
    for (const ip of Object.values(VIP)) await answeredBy(client, ip, node.mac);
    await using probe = await startProbe(client, VIP[4]);
    await pause(500);
    const { runs } = await probe.stop();
    assert.ok(runs.every(({ who }) => !who.includes(LATE_MAC)), JSON.stringify(runs));
    assert.doesNotMatch(await page(node, "status"), /shim0/);
  });
}
