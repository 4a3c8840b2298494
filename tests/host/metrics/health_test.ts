import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { createHealthMetrics } from "../../../lib/host/metrics/health.ts";

Deno.test("the silences of watches are brought up to date before each scrape", async () => {
  const registry = new Registry();
  const metrics = createHealthMetrics(registry);
  assert.doesNotMatch(await registry.metrics(), /^herald_watch_last_heard_seconds\{/m);
  let silence = 0;
  metrics.onScrape = () => metrics.lastHeard.set({ kind: "Service" }, ++silence);
  for (const seconds of [1, 2]) {
    const lines = (await registry.metrics()).split("\n");
    assert.ok(lines.includes(`herald_watch_last_heard_seconds{kind="Service"} ${seconds}`));
  }
});

Deno.test("the lag of the event loop is told from 5 ms to half a minute", async () => {
  const registry = new Registry();
  const { lag } = createHealthMetrics(registry);
  for (const seconds of [0.004, 0.3, 29]) lag.observe(seconds);
  const text = await registry.metrics();
  const counts = [...text.matchAll(/^herald_event_loop_lag_seconds_bucket\{le="(.*)"\} (\d+)$/gm)]
    .map(([, le, count]) => [le, Number(count)] as const);
  assert.deepEqual(counts.filter(([, count], at) => count !== counts[at - 1]?.[1]), [
    ["0.005", 1],
    ["0.5", 2],
    ["30", 3],
  ]);
});
