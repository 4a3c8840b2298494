import assert from "node:assert/strict";
import { JUDGE_MS } from "../../lib/speaker/conflicts.ts";
import { withOutput } from "../support/roles.ts";
import { pause, waitFor } from "../support/wait.ts";
import { startRow, VIP } from "./row_scene.ts";
import { makeScene, nodeManifest, SERVICE_IP, serviceManifest, sliceManifest } from "./scene.ts";

// README's "Honest limits": what is worse than one would wish is no worse than it says.

const NODES = ["node1", "node2"];

Deno.test("without gossip a node that dies is noticed when Kubernetes marks it not ready, and not before", async () => {
  await using scene = await makeScene(NODES.length);
  await using _controller = scene.herald(scene.pod, "--role=controller");
  const processes = scene.nodes.map((node, index) =>
    scene.herald(node, "--role=speaker", `--node-name=${NODES[index]}`)
  );
  await using ending = new AsyncDisposableStack();
  for (const one of processes) ending.use(one);
  await scene.write("web.yaml", serviceManifest("web"));
  await scene.write("web-slice.yaml", sliceManifest("web", NODES));
  const owner = async () => {
    const macs = new Set(await scene.client.arping(SERVICE_IP, 1));
    return macs.size === 1 ? scene.nodes.findIndex(({ mac }) => macs.has(mac)) : -1;
  };
  await withOutput(processes, async () => {
    await waitFor("an owner", async () => await owner() >= 0);
    const before = await owner();
    await processes[before]?.end("SIGKILL");
    await pause(1_500);
    assert.equal(await owner(), -1, "nobody noticed");
    const name = NODES[before] ?? assert.fail();
    await scene.write(`${name}.yaml`, nodeManifest(name, false));
    await waitFor("the other one", async () => await owner() === 1 - before, { timeoutMs: 5_000 });
  });
});

Deno.test("without --arp-probe an address that a foreign host holds is announced all the same, and reported", async () => {
  await using row = await startRow();
  const { node, scene: { client }, speaker } = row;
  await client.must("ip", "addr", "add", `${VIP[4]}/32`, "dev", "eth0");
  await row.serve("four", 4);
  await withOutput([speaker], async () => {
    await waitFor("the announcement", () => /address announced from here/.test(speaker.output()));
    // A host that has an address contradicts whoever announces it.
    await client.must("arping", "-A", "-c", "1", "-I", "eth0", "-s", VIP[4], VIP[4]);
    await waitFor(
      "the report",
      () => /another host has our address/.test(speaker.output()),
      { timeoutMs: JUDGE_MS + 10_000 },
    );
    assert.match(speaker.output(), new RegExp(client.mac));
    await client.must("ip", "addr", "del", `${VIP[4]}/32`, "dev", "eth0");
    assert.deepEqual(await client.arping(VIP[4], 1), [node.mac], "it is answered");
  });
});
