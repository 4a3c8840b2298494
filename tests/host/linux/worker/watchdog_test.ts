import assert from "node:assert/strict";
import { createWatchdogPart } from "../../../../lib/host/linux/worker/watchdog.ts";

Deno.test("a watchdog that shares its thread is woken often, and looks as seldom as another", () => {
  let now = 0;
  const ends: number[] = [];
  const part = createWatchdogPart(() => now, (ms) => void ends.push(ms));
  const pass = (ms: number) => {
    for (const until = now + ms; now < until; now += 10) part.turn(() => 0);
  };
  pass(5_000);
  assert.deepEqual(ends, [], "nobody told it what to watch");
  const fed = new SharedArrayBuffer(4);
  part.carryOut({ fed, limitMs: 2_000 });
  for (let turn = 0; turn < 10; turn++) {
    Atomics.add(new Int32Array(fed), 0, 1);
    pass(1_000);
  }
  assert.deepEqual(ends, []);
  pass(2_500);
  assert.ok((ends[0] ?? 0) >= 2_000, `ended after ${ends[0]} ms`);
});
