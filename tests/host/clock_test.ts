import assert from "node:assert/strict";
import { systemClock } from "../../lib/host/clock.ts";

Deno.test("sleep() ends after its time, and at once when its signal fires or has fired", async () => {
  const stop = new AbortController();
  const named = (ms: number) => systemClock.sleep(ms, stop.signal).then(() => ms);
  const both = [named(60_000), named(1)];
  assert.equal(await Promise.race(both), 1);
  const long = systemClock.sleep(3_600_000, stop.signal);
  stop.abort();
  await Promise.all([long, ...both]);
  await systemClock.sleep(3_600_000, stop.signal);
});
