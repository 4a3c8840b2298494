import assert from "node:assert/strict";
import { inOneOfThree } from "./attempts.ts";

Deno.test("inOneOfThree() is content with one good run, and tells what is wrong in three", async () => {
  for (const [good, runs] of [[1, 1], [2, 2], [3, 3]] as const) {
    let ran = 0;
    await inOneOfThree(() =>
      ++ran < good ? Promise.reject(new Error("busy")) : Promise.resolve()
    )();
    assert.equal(ran, runs);
  }
  let ran = 0;
  await assert.rejects(inOneOfThree(() => Promise.reject(new Error(`run ${++ran}`))), /run 3/);
});
