import assert from "node:assert/strict";
import { type Counter, type Gauge, Registry } from "prom-client";
import { declareIn } from "../../../lib/host/metrics/declare.ts";

Deno.test("declareIn() declares by name, help and labels in its own registry alone", async () => {
  const [registry, other] = [new Registry(), new Registry()];
  const { counter, gauge, histogram } = declareIn(registry);
  counter("asked_total", "Questions", ["who"]).inc({ who: "a" }, 2);
  gauge("waiting", "Callers").set(3);
  histogram("wait_seconds", "How long", [1, 5]).observe(2);
  const text = await registry.metrics();
  for (
    const line of [
      "# HELP asked_total Questions",
      "# TYPE asked_total counter",
      'asked_total{who="a"} 2',
      "# TYPE waiting gauge",
      "waiting 3",
      'wait_seconds_bucket{le="1"} 0',
      'wait_seconds_bucket{le="5"} 1',
    ]
  ) assert.ok(text.split("\n").includes(line), line);
  assert.equal((await other.metrics()).trim(), "");
});

Deno.test("declareIn() lets a metric be brought up to date before each scrape", async () => {
  const registry = new Registry();
  let scrapes = 0;
  const { counter, gauge } = declareIn(registry);
  const waiting: Gauge = gauge("waiting", "Callers", [], () => waiting.set(++scrapes));
  const asked: Counter = counter("asked_total", "Questions", [], () => asked.inc());
  for (const scrape of [1, 2]) {
    assert.match(
      await registry.metrics(),
      new RegExp(`^waiting ${scrape}\n[^]*^asked_total ${scrape}$`, "m"),
    );
  }
});
