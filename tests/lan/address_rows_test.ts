import assert from "node:assert/strict";
import { gapAndOverlap, startProbe } from "../support/probe.ts";
import { must } from "../support/process.ts";
import { pause, waitFor } from "../support/wait.ts";
import { layCable } from "../support/lan.ts";
import { type Failover, makeFailover, secondNetwork, VIP } from "./failover_scene.ts";
import { page } from "./row_scene.ts";

const AT_MOST_MS = 400;
/** Two answers to one question, while one hears of the other. */
const OVERLAP_MS = 50;

/** A pod on each node, behind a bridge whose name says nothing. */
async function addPods({ scene }: Failover): Promise<void> {
  for (const [index, node] of scene.nodes.entries()) {
    await node.must("ip", "link", "add", "pods0", "type", "bridge", "forward_delay", "0");
    await node.must("ip", "addr", "add", `10.244.${index}.1/24`, "dev", "pods0");
    await node.must("ip", "link", "set", "pods0", "up");
    await layCable(node, "pod0", await scene.lan.addNamespace(`pod-of-${node.name}`));
    await node.must("ip", "link", "set", "pod0", "master", "pods0");
  }
}

Deno.test("an owner whose LAN cable is out hands over, whatever other interfaces are up (layer 2, fault 5)", async () => {
  await using failover = await makeFailover(["--interface=!second0"], secondNetwork);
  const { client, lan } = failover.scene;
  await addPods(failover);
  const owner = await failover.owner(VIP[4]);
  const node = failover.node(owner);
  await waitFor(
    "the pods' bridge",
    async () => /"name":"pods0"/.test(await page(node, "status")),
  );
  await using probe = await startProbe(client, VIP[4]);
  await pause(300);
  // The other end goes down: the interface is up and has no cable.
  await must("ip", ["-n", `${lan.prefix}-switch`, "link", "set", `port${owner + 1}`, "down"]);
  await waitFor("another owner", async () => ![owner, -1].includes(await failover.owner(VIP[4])));
  const { gapMs, overlapMs } = gapAndOverlap(await probe.stop());
  assert.ok(gapMs <= AT_MOST_MS, `${gapMs} ms`);
  assert.equal(overlapMs, 0);
  assert.match(
    await page(failover.node(await failover.owner(VIP[4])), "status"),
    /cannot announce/,
  );
  assert.match(await page(node, "status"), /"name":"pods0"/, "it has an interface that answers");
});

Deno.test("a speaker whose address is taken away is silent at once, and ends or joins by the new one (layer 2, fault 1b)", async () => {
  await using failover = await makeFailover();
  const { scene } = failover;
  const owner = await failover.owner(VIP[4]);
  const renumber = async (index: number) => {
    const [from, to] = [`10.77.1.${11 + index}/24`, `10.77.1.${31 + index}/24`];
    await failover.node(index).must("ip", "addr", "del", from, "dev", "eth0");
    await failover.node(index).must("ip", "addr", "add", to, "dev", "eth0");
  };
  await using probe = await startProbe(scene.client, VIP[4]);
  await pause(300);
  await renumber(owner);
  await waitFor("another owner", async () => ![owner, -1].includes(await failover.owner(VIP[4])));
  const seen = await probe.stop();
  const { gapMs, overlapMs } = gapAndOverlap(seen);
  assert.ok(gapMs <= AT_MOST_MS, `${gapMs} ms`);
  assert.ok(overlapMs <= OVERLAP_MS, JSON.stringify(seen));
  assert.match(await page(failover.node(owner), "readyz"), /is no longer this machine's/);

  // One that nobody told by which address to join takes the new one.
  const other = (owner + 1) % 3;
  const node = failover.node(other);
  assert.equal(await failover.end(other, "SIGTERM"), 0);
  await using speaker = scene.herald(
    node,
    ...["--role=speaker", `--node-name=${node.name}`, "--ml-secret-key=a key of the tests"],
    `--ml-join=10.77.1.${11 + (owner + 2) % 3}`,
  );
  const joinedBy = (address: string) =>
    waitFor(
      `the gossip at ${address}`,
      () => speaker.output().includes(`"peer":"${address}:7946"`),
      { timeoutMs: 15_000 },
    );
  await joinedBy(`10.77.1.${11 + other}`);
  await renumber(other);
  await joinedBy(`10.77.1.${31 + other}`);

  assert.equal(await failover.process(owner).exited, 1);
  assert.match(failover.process(owner).output(), /--ml-bindaddr=\S+ is no longer an address/);
});
