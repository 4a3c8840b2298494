import assert from "node:assert/strict";
import { createAskers } from "../../../lib/host/kubernetes/barrier.ts";

/** What has settled of these, in order. */
function marks() {
  const settled: string[] = [];
  return {
    settled,
    mark: (name: string, promise: Promise<void>) => void promise.then(() => settled.push(name)),
  };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("answerWith() answers who asked before the reading began, and nobody else", async () => {
  const askers = createAskers();
  const { mark, settled } = marks();
  mark("before", askers.ask());
  const reading = Promise.withResolvers<string>();
  const read = askers.answerWith(() => reading.promise, (text) => text === "good");
  mark("during", askers.ask());
  assert.ok(askers.waiting);
  reading.resolve("good");
  assert.equal(await read, "good");
  await turn();
  assert.deepEqual(settled, ["before"]);
  await askers.answerWith(() => Promise.resolve("good"), () => true);
  await turn();
  assert.deepEqual(settled, ["before", "during"]);
  assert.ok(!askers.waiting);
});

Deno.test("answerWith() keeps them waiting after a reading that is bad or throws", async () => {
  const askers = createAskers();
  const { mark, settled } = marks();
  mark("one", askers.ask());
  await askers.answerWith(() => Promise.resolve("bad"), () => false);
  await assert.rejects(askers.answerWith(() => Promise.reject(new Error("no")), () => true), /no/);
  await turn();
  assert.deepEqual([settled, askers.waiting], [[], true]);
});

Deno.test("dismiss() lets everybody go, later ones too", async () => {
  const askers = createAskers();
  const before = askers.ask();
  askers.dismiss();
  await before;
  await askers.ask();
});
