import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { instant } from "../../../lib/base/time.ts";
import { systemClock } from "../../../lib/host/process/clock.ts";
import type { Cluster, Watched } from "../../../lib/host/cluster/cluster.ts";
import {
  createHealth,
  HEALTH_TIMING,
  type HealthTiming,
  problemsOf,
  startHealth,
  tick,
  type WatchMark,
} from "../../../lib/host/process/health.ts";
import { createHealthMetrics } from "../../../lib/host/metrics/health.ts";
import { logOf } from "../../support/log.ts";
import { BARE_CLUSTER } from "../../support/bare_cluster.ts";
import { pause, waitFor } from "../../support/wait.ts";

const TIMING: HealthTiming = { tickMs: 250, stallMs: 5_000, stuckMs: 180_000 };

function mark(lastMovedMs: number, id = 1): WatchMark {
  return { id, kind: "Service", lastMovedMs };
}

Deno.test("tick() gives how late the event loop was, and a stall is told with its length and age", () => {
  const state = createHealth(instant(0));
  assert.equal(tick(state, [], instant(250), TIMING), 0);
  assert.equal(tick(state, [], instant(5_000), TIMING), 4_500);
  assert.deepEqual(problemsOf(state, instant(5_000), TIMING), [], "late, but no stall");
  assert.equal(tick(state, [], instant(12_250), TIMING), 7_000);
  assert.equal(tick(state, [], instant(17_500), TIMING), 5_000);
  assert.deepEqual(problemsOf(state, instant(22_250), TIMING), [
    "the event loop stood still for 7 s, until 10 s ago",
  ]);
  assert.deepEqual(problemsOf(state, instant(400_000), TIMING), [], "old news");
});

Deno.test("tick() finds the watch that does not move, and none that waits, asks or hears", () => {
  const state = createHealth(instant(0));
  for (let now = 250; now <= 200_000; now += 250) {
    // The second one asks an API server that is away, once a minute.
    const asked = Math.floor(now / 60_000) * 60_000;
    tick(state, [mark(0, 1), { ...mark(asked, 2), kind: "Node" }], instant(now), TIMING);
  }
  const [problem, ...more] = problemsOf(state, instant(200_000), TIMING);
  assert.match(problem ?? "", /^the watch of kind Service hangs: for 200 s /);
  assert.deepEqual(more, []);
  tick(state, [mark(200_100)], instant(200_250), TIMING);
  assert.deepEqual(problemsOf(state, instant(200_250), TIMING), [], "it moved");
});

Deno.test("tick() blames no watch for the time in which the process stood still", () => {
  const state = createHealth(instant(0));
  tick(state, [mark(0)], instant(250), TIMING);
  tick(state, [mark(0)], instant(3_600_000), TIMING);
  const problems = problemsOf(state, instant(3_600_000), TIMING);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /event loop stood still for 3600 s/);
});

Deno.test("tick() forgets a watch that has ended", () => {
  const state = createHealth(instant(0));
  tick(state, [mark(0)], instant(250), TIMING);
  tick(state, [], instant(500), TIMING);
  assert.equal(state.watches.size, 0);
});

/** A cluster whose one watch moves as told. */
function clusterOf(watched: Omit<Watched<unknown>, "items">): Cluster {
  return {
    ...BARE_CLUSTER,
    // Nothing is ever read, so any type of object is right.
    watch: <T>() => ({ ...watched, items: new Map<string, T>() }),
  };
}

function watchEnding(done: Promise<void>): Omit<Watched<unknown>, "items"> {
  const lastHeardMs = systemClock.now() - 60_000;
  const refresh = () => Promise.resolve();
  return { synced: true, lastHeardMs, lastMovedMs: 0, refresh, done };
}

function start(timing: Partial<HealthTiming>, signal: AbortSignal) {
  const registry = new Registry();
  const metrics = createHealthMetrics(registry);
  const warnings: string[] = [];
  const log = logOf({ warn: (_, msg) => void warnings.push(msg) });
  const options = { clock: systemClock, log, metrics, timing: { ...HEALTH_TIMING, ...timing } };
  return { registry, warnings, health: startHealth(options, signal) };
}

Deno.test("startHealth() tells a stall of this very event loop until it is read, and counts how late it was", async () => {
  const stop = new AbortController();
  try {
    const { health, registry, warnings } = start({ tickMs: 20, stallMs: 200 }, stop.signal);
    await pause(100);
    assert.deepEqual(health.answer(), []);
    const until = performance.now() + 500;
    while (performance.now() < until); // The loop stalls for real.
    assert.match(health.answer().join(), /the event loop stood still/);
    assert.match(health.answer().join(), /the event loop stood still/, "the first asker gave up");
    assert.deepEqual(health.lasting(), [], "it turns again");
    await pause(1_050);
    assert.match(health.answer().join(), /the event loop stood still/);
    assert.deepEqual(health.answer(), []);
    assert.equal(warnings.length, 1);
    assert.match(await registry.metrics(), /^herald_event_loop_lag_seconds_bucket\{le="0\.2"\} /m);
  } finally {
    stop.abort();
  }
});

Deno.test("startHealth() tells of a watch that hangs until it ends, and shows its silence", async () => {
  const stop = new AbortController();
  const ended = Promise.withResolvers<void>();
  try {
    const { health, registry } = start({ tickMs: 10, stuckMs: 100 }, stop.signal);
    const cluster = health.observe(clusterOf(watchEnding(ended.promise)));
    const read = () => undefined;
    cluster.watch({ kind: "Node", read, onChange: () => {} }, stop.signal);
    await waitFor("the verdict", () => health.problems().length > 0, { everyMs: 10 });
    assert.match(health.answer().join(), /^the watch of kind Node hangs/);
    assert.match(health.lasting().join(), /^the watch of kind Node hangs/);
    assert.match(await registry.metrics(), /^herald_watch_last_heard_seconds\{kind="Node"\} 6\d/m);
    ended.resolve();
    await waitFor("no verdict", () => health.problems().length === 0, { everyMs: 10 });
    assert.ok(!(await registry.metrics()).includes('{kind="Node"}'));
  } finally {
    stop.abort();
  }
});
