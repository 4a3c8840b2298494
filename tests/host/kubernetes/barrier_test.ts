import assert from "node:assert/strict";
import { createBarrier } from "../../../lib/host/kubernetes/barrier.ts";

/** What has settled of these, in order. */
function marks() {
  const settled: string[] = [];
  return {
    settled,
    mark: (name: string, promise: Promise<void>) => void promise.then(() => settled.push(name)),
  };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("passWith() lets those through who waited before the list began, and nobody else", async () => {
  const barrier = createBarrier();
  const { mark, settled } = marks();
  mark("before", barrier.wait());
  const reading = Promise.withResolvers<string>();
  const read = barrier.passWith(() => reading.promise, (text) => text === "good");
  mark("during", barrier.wait());
  assert.ok(barrier.waiting);
  reading.resolve("good");
  assert.equal(await read, "good");
  await turn();
  assert.deepEqual(settled, ["before"]);
  await barrier.passWith(() => Promise.resolve("good"), () => true);
  await turn();
  assert.deepEqual(settled, ["before", "during"]);
  assert.ok(!barrier.waiting);
});

Deno.test("passWith() keeps them waiting after a list that is bad or throws", async () => {
  const barrier = createBarrier();
  const { mark, settled } = marks();
  mark("one", barrier.wait());
  await barrier.passWith(() => Promise.resolve("bad"), () => false);
  await assert.rejects(barrier.passWith(() => Promise.reject(new Error("no")), () => true), /no/);
  await turn();
  assert.deepEqual([settled, barrier.waiting], [[], true]);
});

Deno.test("dismiss() lets everybody through without a list, later ones too", async () => {
  const barrier = createBarrier();
  const { mark, settled } = marks();
  mark("before", barrier.wait());
  barrier.dismiss();
  mark("after", barrier.wait());
  await turn();
  assert.deepEqual([settled, barrier.waiting], [["before", "after"], false]);
});
