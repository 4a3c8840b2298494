import assert from "node:assert/strict";
import type { WorkerLink } from "../../../../lib/host/linux/worker/link.ts";
import { timekeeper } from "../../../support/timekeeper.ts";
import { waitFor } from "../../../support/wait.ts";

const COUNTING = new URL("./counting_worker.ts", import.meta.url);

async function link(
  news: string[] = [],
  faults: string[] = [],
  worker = timekeeper(COUNTING),
  name = "counter",
): Promise<WorkerLink<number, number>> {
  return await worker.link<number, number, string>({
    name,
    onNews: (text) => void news.push(text),
    onFault: (error) => void faults.push(error.message),
  });
}

Deno.test("a part carries orders out one after the other, and each finds its answer", async () => {
  await using counter = await link();
  const answers = await Promise.all([1, 2, 3].map((order) => counter.ask(order)));
  assert.deepEqual(answers, [1, 3, 6]);
});

Deno.test("an order that fails is refused with its reason, and the part works on", async () => {
  await using counter = await link();
  await assert.rejects(counter.ask(-1), /^Error: counter: it only goes up$/);
  assert.equal(await counter.ask(4), 4);
  assert.equal(counter.problem(), undefined);
});

Deno.test("news come in the order in which they were told, the last when the link is disposed of", async () => {
  const news: string[] = [];
  const faults: string[] = [];
  {
    await using counter = await link(news, faults);
    counter.tell(5);
    counter.tell(6);
  }
  assert.deepEqual(news, ["now 5", "now 11", "the last word", "disposed of"]);
  assert.deepEqual(faults, []);
});

Deno.test("two parts of a Worker know nothing of each other, and one that fails ends alone", async () => {
  const worker = timekeeper(COUNTING);
  const faults: string[] = [];
  await using one = await link([], faults, worker);
  await using other = await link([], faults, worker);
  await other.ask(5);
  await one.ask(101);
  await waitFor("the end of one", () => faults.length > 0);
  assert.deepEqual(faults, ["counter ended: more than a hundred"]);
  assert.equal(one.problem(), "counter ended: more than a hundred");
  await assert.rejects(one.ask(1), /^Error: counter has ended$/);
  assert.equal(await other.ask(6), 11);
  assert.equal(other.problem(), undefined);
});

Deno.test("a part that cannot be had, or that nobody knows, is refused, and the others work on", async () => {
  const worker = timekeeper(COUNTING);
  await using counter = await link([], [], worker);
  const start = (name: string) => link([], [], worker, name);
  await assert.rejects(start("no counter"), /^Error: no counter: it cannot count$/);
  await assert.rejects(start("a clock"), /^Error: a clock: no part is called a clock$/);
  assert.equal(await counter.ask(7), 7);
});

Deno.test("a Worker begins again for the next part after its last one has ended", async () => {
  const worker = timekeeper(COUNTING);
  for (let round = 0; round < 2; round++) {
    await using counter = await link([], [], worker);
    assert.equal(await counter.ask(3), 3);
  }
});
