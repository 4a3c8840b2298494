import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { createProcessMetrics } from "../../../lib/host/metrics/process.ts";

Deno.test("the process's metrics are brought up to date once before each scrape", async () => {
  const registry = new Registry();
  const metrics = createProcessMetrics(registry);
  metrics.buildInfo.set({ version: "1", commit: "c", role: "speaker" }, 1);
  let scrapes = 0;
  metrics.onScrape = () => metrics.openFds.set(++scrapes);
  for (const scrape of [1, 2]) {
    const lines = (await registry.metrics()).split("\n");
    assert.ok(lines.includes(`process_open_fds ${scrape}`));
    assert.ok(lines.includes('herald_build_info{version="1",commit="c",role="speaker"} 1'));
  }
});
