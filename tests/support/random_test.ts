import assert from "node:assert/strict";
import { seededRandom } from "./random.ts";

Deno.test("seededRandom() gives the published sequence of mulberry32", () => {
  // The reference implementation by Tommy Ettinger, compiled from C, seed 1.
  const random = seededRandom(1);
  const numbers = [random(), random(), random()].map((number) => number * 2 ** 32);
  assert.deepEqual(numbers, [2693262067, 11749833, 2265367787]);
});
