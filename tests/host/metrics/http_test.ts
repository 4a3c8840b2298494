import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { ACCESSES, createHttpMetrics } from "../../../lib/host/metrics/http.ts";

Deno.test("each verdict has a series before the first request, so that its rise is seen", async () => {
  const registry = new Registry();
  createHttpMetrics(registry);
  const lines = (await registry.metrics()).split("\n");
  for (const verdict of ACCESSES) {
    assert.ok(lines.includes(`herald_http_accesses_total{verdict="${verdict}"} 0`));
  }
});
