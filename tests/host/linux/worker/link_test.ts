import assert from "node:assert/strict";
import { timekeeper } from "../../../support/timekeeper.ts";
import { waitFor } from "../../../support/wait.ts";
import { script } from "./script.ts";

async function link(onRequest: string, faults: string[] = []) {
  return await timekeeper(script(onRequest)).link<string, string, never>({
    name: "herald-test",
    onNews: () => {},
    onFault: (error) => void faults.push(error.message),
  });
}

Deno.test("link() carries orders out and sees no problem in a Worker that is well", async () => {
  const faults: string[] = [];
  {
    await using worker = await link("", faults);
    assert.equal(await worker.ask("hello"), "hello");
    assert.equal(worker.problem(), undefined);
  }
  assert.deepEqual(faults, []);
});

Deno.test("problem() names a Worker that ended unasked, and why", async () => {
  const faults: string[] = [];
  await using worker = await link(
    `if (order === "die") return say({ kind: "goodbye", fault: "the socket broke" });`,
    faults,
  );
  worker.tell("die");
  await waitFor("the fault", () => faults.length > 0);
  assert.equal(worker.problem(), "herald-test ended: the socket broke");
});

Deno.test("problem() names a Worker that threw", async () => {
  const faults: string[] = [];
  await using worker = await link(`if (order === "die") throw new Error("boom");`, faults);
  worker.tell("die");
  await waitFor("the fault", () => faults.length > 0);
  assert.match(worker.problem() ?? "", /^herald-test ended: .*boom/);
});

Deno.test("problem() names a Worker that hangs, and not one that was late once", async () => {
  let told = 0;
  await using worker = await timekeeper(script(`if (order === "hang") for (;;);`)).link<
    string,
    string,
    never
  >({
    name: "herald-test",
    onNews: () => {},
    onHang: () => told++,
  });
  worker.tell("hang");
  await waitFor("the verdict", () => told > 0);
  assert.equal(worker.problem(), "herald-test does not answer");
});

for (
  const [name, url, reason] of [
    ["is not there", new URL("file:///nowhere/worker.js"), /^Error: herald-test: ./],
    ["gives up", script("", `say({ kind: "goodbye", fault: "no libc" });`), /: no libc$/],
  ] as const
) {
  // A port on its way to a Worker that never ran belongs to nobody, and is let go in its own time.
  const options = { sanitizeResources: name !== "is not there" };
  Deno.test(
    `link() rejects when the Worker ${name} at once, and reports no fault`,
    options,
    async () => {
      const start = timekeeper(url).link({
        name: "herald-test",
        onNews: () => {},
        onFault: () => assert.fail("nobody has the link yet"),
      });
      await assert.rejects(start, reason);
    },
  );
}

Deno.test("a link whose Worker hangs can be disposed of all the same", async () => {
  const faults: string[] = [];
  const worker = await link(`if (order === "hang") for (;;);`, faults);
  worker.tell("hang");
  await worker[Symbol.asyncDispose]();
  assert.deepEqual(faults, []);
});
