import assert from "node:assert/strict";
import { JUDGE_MS } from "../../lib/speaker/conflicts.ts";
import { pause, waitFor } from "../support/wait.ts";
import { makeFailover, VIP } from "./failover_scene.ts";

const CONFLICT = /AddressConflict|another host has our address/;

Deno.test("speakers that start at one moment take no fellow for a foreign host, and tell of a true one (layer 2, fault 10; N1, d06)", async () => {
  await using failover = await makeFailover();
  const { client, nodes } = failover.scene;
  const all = nodes.map((_, index) => index);
  const outputs = () => all.map((index) => failover.process(index).output()).join("\n");
  for (let round = 0; round < 2; round++) {
    await Promise.all(all.map((index) => failover.end(index, "SIGTERM")));
    assert.doesNotMatch(outputs(), CONFLICT);
    await Promise.all(all.map((index) => failover.start(index)));
    for (const ip of Object.values(VIP)) {
      await waitFor("an owner", async () => await failover.owner(ip) >= 0);
    }
    // What was seen while they met is judged by then.
    await pause(JUDGE_MS + 1_000);
    assert.doesNotMatch(outputs(), CONFLICT, `round ${round}`);
    for (const node of nodes) {
      const { stdout } = await node.run("curl", "-s", "http://127.0.0.1:7472/metrics");
      assert.doesNotMatch(stdout, /layer2_conflicts_total\{kind="conflict"\} [1-9]/);
    }
  }
  await client.must("ip", "addr", "add", `${VIP[4]}/32`, "dev", "eth0");
  await client.must("arping", "-A", "-c", "1", "-I", "eth0", "-s", VIP[4], VIP[4]);
  await waitFor("the true one to be told of", () => CONFLICT.test(outputs()));
});
