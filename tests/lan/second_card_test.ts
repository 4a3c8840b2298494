import assert from "node:assert/strict";
import { JUDGE_MS } from "../../lib/speaker/conflicts.ts";
import { rankCandidates } from "../../lib/speaker/election.ts";
import type { Host } from "../support/lan.ts";
import { startMemberlistPeer } from "../support/memberlist_peer.ts";
import { withOutput } from "../support/roles.ts";
import { pause, waitFor } from "../support/wait.ts";
import { page } from "./row_scene.ts";
import { makeScene, serviceManifest, sliceManifest } from "./scene.ts";

const CONFLICT = /AddressConflict|another host has our address/;
const NAMES = ["node1", "node2"];
const SERVICES = 6;

/** A card in the same LAN; MetalLB answers out of each. */
async function addCard(node: Host, name: string, mac: string): Promise<void> {
  const card = ["link", "eth0", "name", name, "address", mac, "type", "macvlan", "mode", "bridge"];
  await node.must("ip", "link", "add", ...card);
  await node.must("ip", "link", "set", name, "up");
}

async function claim(host: Host, card: string, ip: string): Promise<void> {
  await host.must("ip", "addr", "add", `${ip}/32`, "dev", card);
  await host.must("arping", "-A", "-c", "1", "-I", card, "-s", ip, ip);
  await host.must("ip", "addr", "del", `${ip}/32`, "dev", card);
}

Deno.test("F7: a speaker of MetalLB that answers from its second card is no foreign host, whether that tells of its node or not", async () => {
  await using scene = await makeScene(NAMES.length);
  const [node1, node2] = scene.nodes;
  assert.ok(node1 && node2);
  await using herald = scene.herald(
    node1,
    "--role=all",
    "--node-name=node1",
    "--ml-bindaddr=10.77.1.11",
    "--ml-join=10.77.1.12",
  );
  const peer = {
    version: "v0.5.1",
    name: "node2",
    bind: "10.77.1.12",
    join: ["10.77.1.11"],
  } as const;
  await using _peer = await startMemberlistPeer(node2, peer);
  for (let index = 0; index < SERVICES; index++) {
    await scene.write(`s${index}.yaml`, serviceManifest(`s${index}`));
    await scene.write(`s${index}-slice.yaml`, sliceManifest(`s${index}`, NAMES));
  }
  const all = Array.from({ length: SERVICES }, (_, index) => `10.77.1.${220 + index}`);
  const [first, second] = all.filter((ip) => rankCandidates(NAMES, ip)[0] === "node1");
  assert.ok(first !== undefined && second !== undefined);
  await withOutput([herald], async () => {
    for (const ip of [first, second]) {
      await waitFor(
        `an answer for ${ip}`,
        async () => (await scene.client.arping(ip, 1)).join() === node1.mac,
      );
    }
    await waitFor(
      "MetalLB beside",
      async () => JSON.parse(await page(node1, "status")).speaker.judge !== "Herald",
    );
    await addCard(node2, "eth1", "02:00:00:00:66:11");
    // As kube-proxy's strict ARP would have it: that card answers for its own addresses alone.
    await addCard(node2, "eth2", "02:00:00:00:66:12");
    await node2.must("sysctl", "-qw", "net.ipv4.conf.eth2.arp_ignore=1");
    await claim(node2, "eth1", first);
    for (const card of ["eth0", "eth2"]) await claim(node2, card, second);
    await pause(JUDGE_MS + 1_500);
    assert.doesNotMatch(herald.output(), CONFLICT);
    const metrics = await page(node1, "metrics");
    assert.match(metrics, /layer2_conflicts_total\{kind="split"\} [1-9]/, "they were seen");
    await claim(scene.client, "eth0", first);
    await waitFor("a true one to be told of", () => CONFLICT.test(herald.output()));
  });
});
