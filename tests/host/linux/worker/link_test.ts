import assert from "node:assert/strict";
import { startWorkerLink } from "../../../../lib/host/linux/worker/link.ts";
import { waitFor } from "../../../support/wait.ts";

/** A Worker that answers by its event loop; `onRequest` may do otherwise. */
function script(onRequest: string): URL {
  const code = `onmessage = ({ data: port }) => {
    let answered = 0;
    const say = (reply) => postMessage(reply);
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
  await using worker = await link(`if (order === "hang") for (;;);`);
  worker.tell("hang");
  await waitFor("the verdict", () => worker.problem() !== undefined);
  assert.equal(worker.problem(), "herald-test does not answer");
});
