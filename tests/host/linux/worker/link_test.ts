import assert from "node:assert/strict";
import { startWorkerLink } from "../../../../lib/host/linux/worker/link.ts";
import { waitFor } from "../../../support/wait.ts";

/** A Worker that answers by its event loop; `onRequest` and `onStart` may do otherwise. */
function script(onRequest: string, onStart = ""): URL {
  const code = `onmessage = ({ data: port }) => {
    let answered = 0;
    const say = (reply) => postMessage(reply);
    ${onStart}
    port.onmessage = ({ data: { kind, number, order } }) => {
      ${onRequest}
      answered++;
      say({ kind: "answer", number, answer: order });
      if (kind === "stop") { say({ kind: "goodbye" }); close(); }
    };
  };`;
  return new URL(`data:application/javascript,${encodeURIComponent(code)}`);
}

async function link(onRequest: string, faults: string[] = []) {
  return await startWorkerLink<string, string, never>({
    url: script(onRequest),
    name: "herald-test",
    onNews: () => {},
    onFault: (error) => void faults.push(error.message),
  });
}

Deno.test("startWorkerLink() carries orders out and sees no problem in a Worker that is well", async () => {
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
  await using worker = await startWorkerLink<string, string, never>({
    url: script(`if (order === "hang") for (;;);`),
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
    `startWorkerLink() rejects when the Worker ${name} at once, and reports no fault`,
    options,
    async () => {
      const start = startWorkerLink({
        url,
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
