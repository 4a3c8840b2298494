import assert from "node:assert/strict";
import { CLOCK, monotonicClock } from "../../ffi/clock.ts";
import { openLibc } from "../../ffi/libc.ts";

Deno.test("monotonicClock() reads the time since the machine started, which never goes back", () => {
  using libc = openLibc(CLOCK);
  const now = monotonicClock(libc);
  const uptimeMs = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
  assert.ok(Math.abs(now() - uptimeMs) < 5_000, `${now()} and ${uptimeMs}`);
  for (let before = now(), round = 0; round < 1000; round++) {
    const next = now();
    assert.ok(next >= before);
    before = next;
  }
});
