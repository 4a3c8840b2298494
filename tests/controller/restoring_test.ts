import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { afterWrite, isTold, type Restoring, writeDue } from "../../lib/controller/restoring.ts";

/** The moments of the first writes, in ms, of a status that somebody else writes over at once. */
function writes(count: number): { readonly at: number[]; readonly told: number[] } {
  const [at, told]: [number[], number[]] = [[], []];
  let state: Restoring | undefined;
  let now = instant(0);
  for (let one = 0; one < count; one++) {
    const due = writeDue(state, "w", now);
    if (due > now && state !== undefined && isTold(state)) told.push(one);
    now = due;
    at.push(now);
    state = afterWrite(state, "w", now);
  }
  return { at, told };
}

Deno.test("writeDue() doubles the pauses from one second to thirty", () => {
  const { at, told } = writes(12);
  const seconds = [0, 0, 0, 1, 3, 7, 15, 31, 61, 91, 121, 151];
  assert.deepEqual(at.map((ms) => ms / 1_000), seconds);
  assert.deepEqual(told, [3, 11]);
});

Deno.test("writeDue() starts over for another wish, and after five quiet minutes", () => {
  const busy: Restoring = { wish: "w", times: 9, at: instant(0) };
  assert.equal(writeDue(busy, "w", instant(1)), 30_000);
  assert.equal(writeDue(busy, "v", instant(1)), 1);
  assert.equal(writeDue(busy, "w", instant(300_000)), 300_000);
  assert.equal(afterWrite(busy, "v", instant(1)).times, 0);
  assert.equal(afterWrite(busy, "w", instant(1)).times, 10);
});
