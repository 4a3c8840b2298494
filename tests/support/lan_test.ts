import assert from "node:assert/strict";
import { makeLan } from "./lan.ts";
import { must } from "./process.ts";
import { waitFor } from "./wait.ts";

Deno.test("makeLan() joins hosts that see each other's hardware addresses", async () => {
  await using lan = await makeLan();
  const a = await lan.addHost("a", { addresses: ["10.77.2.1/24"] });
  const b = await lan.addHost("b", { addresses: ["10.77.2.2/24"] });
  assert.deepEqual(await a.arping("10.77.2.2", 1), [b.mac]);
  await a.run("curl", "-s", "--max-time", "2", "http://10.77.2.2/");
  assert.equal(await a.neighbour("10.77.2.2"), b.mac);
  await lan.setCable(b, "down");
  await waitFor("silence", async () => (await a.arping("10.77.2.2", 1)).length === 0);
  await lan.setCable(b, "up");
  await waitFor("b again", async () => (await a.arping("10.77.2.2", 1)).length === 1);
});

Deno.test("makeLan() leaves no namespace and no process behind, even when the test throws", async () => {
  let prefix = "";
  let pid = 0;
  await assert.rejects(async () => {
    await using lan = await makeLan();
    prefix = lan.prefix;
    const host = await lan.addHost("a", { addresses: ["10.77.3.1/24"] });
    const sleeper = host.start("sleep", ["600"]);
    pid = sleeper.pid;
    throw new Error("on purpose");
  }, /on purpose/);
  assert.ok(!(await must("ip", ["netns", "list"])).includes(prefix));
  await waitFor(
    "the process to be gone",
    () => Deno.stat(`/proc/${pid}`).then(() => false, () => true),
  );
});
