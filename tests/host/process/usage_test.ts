import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { createProcessMetrics } from "../../../lib/host/metrics/process.ts";
import { showProcess } from "../../../lib/host/process/usage.ts";

async function read(registry: Registry): Promise<ReadonlyMap<string, number>> {
  const text = await registry.metrics();
  return new Map(
    [...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name = "", value]) => [name, Number(value)]),
  );
}

Deno.test("showProcess() tells what this process uses, as the kernel sees it", async () => {
  const registry = new Registry();
  const metrics = createProcessMetrics(registry);
  metrics.onScrape = () => showProcess(metrics, true);
  const found = await read(registry);
  const [, rss = "0"] = /VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  const resident = found.get("process_resident_memory_bytes") ?? 0;
  assert.ok(Math.abs(resident / 1024 - Number(rss)) < Number(rss) / 4, `${resident}, ${rss} kB`);
  const started = found.get("process_start_time_seconds") ?? 0;
  assert.ok(started <= Date.now() / 1000 && started > Date.now() / 1000 - 3600, `${started}`);
  assert.ok((found.get("process_cpu_seconds_total") ?? 0) > 0);
  assert.equal(found.get("herald_ready"), 1);
});

Deno.test("showProcess() counts a descriptor more when a file is opened, and CPU time only upwards", async () => {
  const registry = new Registry();
  const metrics = createProcessMetrics(registry);
  metrics.onScrape = () => showProcess(metrics, false);
  const before = await read(registry);
  using _file = Deno.openSync(new URL(import.meta.url));
  const after = await read(registry);
  assert.equal(after.get("process_open_fds"), (before.get("process_open_fds") ?? 0) + 1);
  const [earlier = 0, later = 0] = [before, after].map((one) =>
    one.get("process_cpu_seconds_total")
  );
  // The total is set, not added to itself.
  assert.ok(later >= earlier && later < earlier + 5, `${earlier}, ${later}`);
  assert.equal(after.get("herald_ready"), 0);
});
