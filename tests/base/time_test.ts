import assert from "node:assert/strict";
import { after, instant, seededRandom } from "../../lib/base/time.ts";

Deno.test("after() moves an instant by milliseconds, fractions and steps back included", () => {
  assert.equal(after(instant(1_000), 500), 1_500);
  assert.equal(after(instant(0.25), 0.5), 0.75);
  assert.equal(after(instant(1_000), -500), 500);
});

Deno.test("seededRandom() gives the published sequence of mulberry32", () => {
  // The reference implementation by Tommy Ettinger, compiled from C, seed 1.
  const random = seededRandom(1);
  const numbers = [random(), random(), random()].map((number) => number * 2 ** 32);
  assert.deepEqual(numbers, [2693262067, 11749833, 2265367787]);
});

Deno.test("seededRandom() repeats itself for one seed and differs for another", () => {
  const take = (seed: number) => Array.from({ length: 100 }, seededRandom(seed));
  assert.deepEqual(take(42), take(42));
  assert.notDeepEqual(take(42), take(43));
});

Deno.test("seededRandom() fills [0, 1) evenly", () => {
  const random = seededRandom(7);
  const buckets = new Array<number>(10).fill(0);
  for (let count = 0; count < 100_000; count++) {
    const number = random();
    assert.ok(number >= 0 && number < 1);
    const bucket = Math.floor(number * 10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  for (const filled of buckets) assert.ok(Math.abs(filled - 10_000) < 500, buckets.join());
});
