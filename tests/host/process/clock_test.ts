import assert from "node:assert/strict";
import { systemClock } from "../../../lib/host/process/clock.ts";

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

/** Whatever finds out who is dead, late or away, and whatever waits. */
const TIMED = [
  "lib/host/process/clock.ts",
  "lib/host/process/backoff.ts",
  "lib/host/kubernetes/deadline.ts",
  "lib/host/kubernetes/recovery.ts",
  "lib/host/kubernetes/reflector.ts",
  "lib/host/controller/status_writer.ts",
  "lib/host/gossip/gossip.ts",
  "lib/host/gossip/transport.ts",
  "lib/host/linux/bfd/loop.ts",
  "lib/host/linux/bgp/peer.ts",
  "lib/host/speaker/handover.ts",
  "lib/host/linux/heartbeat/loop.ts",
  "lib/host/speaker/membership.ts",
  "lib/host/linux/packet/loop.ts",
];

Deno.test("C14: a step of the wall clock moves no timer: none of what is timed reads it", async () => {
  const root = new URL("../../../", import.meta.url);
  for (const file of TIMED) {
    const text = await Deno.readTextFile(new URL(file, root));
    // An HTTP date in Retry-After is compared with what the caller hands in, and capped.
    assert.ok(!/\bDate\.now\b|new Date\b|timeOrigin/.test(text), file);
  }
});

Deno.test("C14: now() goes on from where it was when the wall clock is set", () => {
  const { now } = Date;
  const before = systemClock.now();
  try {
    for (const years of [10, -10]) {
      Date.now = () => now() + years * 365 * 86_400_000;
      const passed = systemClock.now() - before;
      assert.ok(passed >= 0 && passed < 60_000, String(passed));
    }
  } finally {
    Date.now = now;
  }
});
