import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../../lib/host/process/clock.ts";
import { openRecovery } from "../../../lib/host/kubernetes/recovery.ts";
import { pause } from "../../support/wait.ts";

/** A clock on which every sleep ends in a millisecond but those of the waits themselves. */
function probingClock(): Clock {
  return {
    ...systemClock,
    sleep: (ms, signal) => systemClock.sleep(ms >= 10_000 ? ms : 1, signal),
  };
}

/** Probes that answer in turn, the last one again and again. */
function probes(...answers: boolean[]): { probe: () => Promise<boolean>; made: () => number } {
  let made = 0;
  return {
    probe: () => Promise.resolve(answers[Math.min(made++, answers.length - 1)] ?? false),
    made: () => made,
  };
}

Deno.test("wait() ends when a server that was away answers, for all who wait", async () => {
  const stop = new AbortController();
  const { probe, made } = probes(false, false, true);
  const recovery = openRecovery(probe, probingClock(), stop.signal);
  await Promise.all([1, 2, 3].map(() => recovery.wait(3_600_000, false, stop.signal)));
  assert.equal(made(), 3);
});

Deno.test("wait() believes the first answer where the server was known to be away", async () => {
  const stop = new AbortController();
  const { probe, made } = probes(true);
  await openRecovery(probe, probingClock(), stop.signal).wait(3_600_000, true, stop.signal);
  assert.equal(made(), 1);
});

Deno.test("wait() is not cut short where the server was there all the time", async () => {
  const stop = new AbortController();
  const { probe, made } = probes(true);
  const recovery = openRecovery(probe, probingClock(), stop.signal);
  let ended = false;
  const wait = recovery.wait(3_600_000, false, stop.signal).then(() => ended = true);
  await pause(30);
  assert.deepEqual([ended, made()], [false, 1]);
  stop.abort();
  await wait;
});

Deno.test("wait() probes nothing for a short wait", async () => {
  const stop = new AbortController();
  const { probe, made } = probes(true);
  await openRecovery(probe, systemClock, stop.signal).wait(5, true, stop.signal);
  assert.equal(made(), 0);
});
