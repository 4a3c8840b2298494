import assert from "node:assert/strict";
import { createPauses, machineTime } from "../../../lib/host/process/pauses.ts";

/** Clocks that the test sets. */
function clocks() {
  const at = { monotonic: 0, boot: 1_000, wall: 1_700_000_000_000 };
  const pauses = createPauses({
    monotonicMs: () => at.monotonic,
    bootMs: () => at.boot,
    wallMs: () => at.wall,
  });
  const pass = (monotonic: number, boot = monotonic, wall = monotonic) => {
    at.monotonic += monotonic;
    at.boot += boot;
    at.wall += wall;
    return pauses();
  };
  return { pass };
}

Deno.test("createPauses() counts what the timers did not: a suspend, or a jump of the wall clock alone", () => {
  const { pass } = clocks();
  assert.equal(pass(5_000), 0);
  assert.equal(pass(10, 20_010, 20_010), 20_000, "suspended, once");
  assert.equal(pass(10), 0);
  assert.equal(
    pass(10, 20_010, 10),
    20_000,
    "suspended, and the wall clock was set back meanwhile",
  );
  assert.equal(pass(10, 10, 8_010), 8_000, "a virtual machine was paused");
  assert.equal(pass(10), 0);
});

Deno.test("createPauses() takes neither slewing, nor coarse clocks, nor a clock set back for a pause", () => {
  const { pass } = clocks();
  let total = 0;
  for (let turn = 0; turn < 1_000; turn++) {
    total += pass(1_000, 1_000 + (turn % 2 ? 999 : -999), 1_001);
  }
  assert.equal(total, 0);
  assert.equal(pass(10, 10, -3_600_000), 0);
});

Deno.test("the machine's clocks run alike while it does not stand", () => {
  const pauses = createPauses(machineTime);
  assert.ok(machineTime.bootMs() > 0);
  assert.equal(pauses(), 0);
});
