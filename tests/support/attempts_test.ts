import assert from "node:assert/strict";
import { FAILED_TRIES, inOneOfThree } from "./attempts.ts";

const TEST = { name: "a scene" };

Deno.test("inOneOfThree() is content with one good run, tells each failed one, and what is wrong in three", async () => {
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  for (const [good, runs] of [[1, 1], [2, 2], [3, 3]] as const) {
    let ran = 0;
    const scene = () => ++ran < good ? Promise.reject(new Error("busy\nand")) : Promise.resolve();
    await inOneOfThree(scene, tell)(TEST);
    assert.equal(ran, runs);
  }
  const [first, second] = [1, 2].map((n) => `try ${n} of 3 failed: a scene: Error: busy`);
  assert.deepEqual(told, [first, first, second]);
  let ran = 0;
  const bad = () => Promise.reject(new Error(`run ${++ran}`));
  await assert.rejects(inOneOfThree(bad, tell)(TEST), /run 3/);
});

Deno.test("a failed try is written to the file of the test runner", async () => {
  const before = Deno.env.get(FAILED_TRIES);
  const file = await Deno.makeTempFile({ prefix: "herald-tries-" });
  Deno.env.set(FAILED_TRIES, file);
  let ran = 0;
  try {
    await inOneOfThree(() =>
      ++ran < 3 ? Promise.reject(new Error(`run ${ran}`)) : Promise.resolve()
    )(
      TEST,
    );
    const lines = (await Deno.readTextFile(file)).trim().split("\n");
    assert.deepEqual(lines.map((line) => line.slice(0, 5)), ["try 1", "try 2"]);
  } finally {
    if (before === undefined) Deno.env.delete(FAILED_TRIES);
    else Deno.env.set(FAILED_TRIES, before);
    await Deno.remove(file);
  }
});
