import assert from "node:assert/strict";
import { startWorkerLink, type WorkerLink } from "../../../../lib/host/linux/worker/link.ts";
import { waitFor } from "../../../support/wait.ts";

const WORKER = new URL("./counting_worker.ts", import.meta.url);

async function link(
  news: string[] = [],
  faults: string[] = [],
): Promise<WorkerLink<number, number>> {
  return await startWorkerLink<number, number, string>({
    url: WORKER,
    name: "herald-test",
    onNews: (text) => void news.push(text),
    onFault: (error) => void faults.push(error.message),
  });
}

Deno.test("a served engine carries orders out one after the other, and each finds its answer", async () => {
  await using worker = await link();
  const answers = await Promise.all([1, 2, 3].map((order) => worker.ask(order)));
  assert.deepEqual(answers, [1, 3, 6]);
});

Deno.test("an order that fails is refused with its reason, and the engine works on", async () => {
  await using worker = await link();
  await assert.rejects(worker.ask(-1), /^Error: herald-test: it only goes up$/);
  assert.equal(await worker.ask(4), 4);
  assert.equal(worker.problem(), undefined);
});

Deno.test("news come in the order in which they were told, the last when the link is disposed of", async () => {
  const news: string[] = [];
  const faults: string[] = [];
  {
    await using worker = await link(news, faults);
    worker.tell(5);
    worker.tell(6);
  }
  assert.deepEqual(news, ["now 5", "now 11", "the last word"]);
  assert.deepEqual(faults, []);
});

Deno.test("an engine whose wait fails ends its Worker, with the reason as its last word", async () => {
  const faults: string[] = [];
  await using worker = await link([], faults);
  await worker.ask(101);
  await waitFor("the end", () => faults.length > 0);
  assert.equal(worker.problem(), "herald-test ended: more than a hundred");
  await assert.rejects(worker.ask(1), /^Error: herald-test has ended$/);
});
