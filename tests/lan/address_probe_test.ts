import assert from "node:assert/strict";
import { inOneOfThree } from "../support/attempts.ts";
import { type Frame, sourceOf, startCapture } from "../support/capture.ts";
import { gapAndOverlap, startProbe } from "../support/probe.ts";
import { pause, waitFor } from "../support/wait.ts";
import { makeFailover } from "./failover_scene.ts";
import { answeredBy, ask, page, startRow, VIP } from "./row_scene.ts";

const FAMILIES = [4, 6] as const;
const NDP = "icmp6[0] == 135 or icmp6[0] == 136";
/** Sender 0.0.0.0 or source ::, target the address. */
const isProbe = ({ hex }: Frame) =>
  hex.slice(24, 28) === "0806"
    ? hex.slice(40, 44) === "0001" && hex.slice(56, 64) === "00000000"
    : hex.slice(108, 110) === "87" && hex.slice(44, 76) === "0".repeat(32);
const isAnnouncement = ({ hex }: Frame) =>
  hex.slice(24, 28) === "0806"
    ? hex.slice(56, 64) === hex.slice(76, 84)
    : hex.startsWith("333300000001") && hex.slice(108, 110) === "88";

for (const family of FAMILIES) {
  const ip = VIP[family];

  Deno.test(`IPv${family}: with --arp-probe an address that a foreign host has is not announced, and told of (row L9)`, async () => {
    await using it = await startRow("--arp-probe");
    const { scene: { client, nodes }, node } = it;
    const [, asker] = nodes;
    assert.ok(asker);
    const length = family === 4 ? 32 : 128;
    await client.must("ip", "addr", "add", `${ip}/${length}`, "dev", "eth0");
    await using capture = await startCapture(asker, family === 4 ? "arp" : NDP);
    const own = () => capture.frames().filter((frame) => sourceOf(frame) === node.mac);
    await it.serve("vip", family);
    await waitFor(
      "the warning",
      () => it.speaker.output().includes("another host has the address, so it is not announced"),
    );
    // Long enough for all probes of an address that nobody has.
    await pause(7_500);
    const probes = own().filter(isProbe);
    assert.equal(probes.length, 1, "the first one was answered");
    assert.deepEqual(own().filter(isAnnouncement), []);
    assert.deepEqual(await ask(asker, ip), [client.mac]);
    const lines = it.speaker.output().split("\n");
    assert.equal(lines.filter((line) => line.includes("not announced: find it")).length, 1);
    const event = lines.find((line) => line.includes("AddressConflict")) ?? "";
    assert.match(event, new RegExp(`host ${client.mac} on the network has the address ${ip}`));
    const { speaker } = JSON.parse(await page(node, "status"));
    assert.deepEqual(speaker.conflicts, [{ ip, mac: client.mac }]);
    const [address] = speaker.addresses;
    assert.deepEqual([address.announcing, address.reason], [false, `host ${client.mac} has it`]);
    assert.doesNotMatch(it.speaker.output(), /nodeAssigned/);
  });

  Deno.test(`IPv${family}: with --arp-probe a free address is announced after three probes (row L9)`, async () => {
    await using it = await startRow("--arp-probe");
    const { scene: { client, nodes }, node } = it;
    const [, asker] = nodes;
    assert.ok(asker);
    await using capture = await startCapture(asker, family === 4 ? "arp" : NDP);
    const own = () => capture.frames().filter((frame) => sourceOf(frame) === node.mac);
    const descriptors = it.descriptors();
    await it.serve("vip", family);
    await waitFor("a probe", () => own().some(isProbe));
    assert.deepEqual(await ask(client, ip), [], "it is not answered before");
    await waitFor("the announcement", () => own().some(isAnnouncement));
    await answeredBy(client, ip, node.mac);
    const probes = own().filter(isProbe).map(({ atMs }) => atMs);
    const [first = NaN, second = NaN, third = NaN, ...more] = probes;
    assert.equal(more.length, 0);
    for (const gap of [second - first, third - second]) {
      assert.ok(gap > 950 && gap < 2_300, `${gap} ms between probes`);
    }
    const announced = own().find(isAnnouncement)?.atMs ?? NaN;
    assert.ok(announced - third > 1_950, `announced ${announced - third} ms after the last probe`);
    // An IPv6 address keeps one more, for its solicited-node group.
    const kept = descriptors + Number(family === 6);
    await waitFor("the sockets to be closed", () => it.descriptors() <= kept);
  });

  Deno.test(
    `IPv${family}: with --arp-probe failover from a fellow speaker waits for nothing (row L9)`,
    inOneOfThree(async () => {
      await using failover = await makeFailover(["--arp-probe"]);
      const owner = await failover.owner(ip);
      await using probe = await startProbe(failover.scene.client, ip);
      await pause(300);
      await failover.end(owner, "SIGKILL");
      await waitFor("another owner", async () => ![owner, -1].includes(await failover.owner(ip)));
      await pause(300);
      const { gapMs } = gapAndOverlap(await probe.stop());
      assert.ok(gapMs > 0 && gapMs <= 400, `${gapMs} ms`);
      await using back = await startProbe(failover.scene.client, ip);
      await failover.start(owner);
      await waitFor("the first one again", async () => await failover.owner(ip) === owner);
      await pause(300);
      const seen = await back.stop();
      assert.equal(gapAndOverlap(seen).gapMs, 0, JSON.stringify(seen.runs));
    }),
  );
}
