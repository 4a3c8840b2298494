import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { createSpeakerMetrics } from "../../../lib/host/metrics/speaker.ts";

Deno.test("a speaker's view is counted before each scrape", async () => {
  const registry = new Registry();
  const metrics = createSpeakerMetrics(registry);
  metrics.onScrape = () => {
    metrics.expected.set(3);
    metrics.live.set(2);
    metrics.concerns.set({ kind: "rules-differ" }, 1);
    metrics.withoutOwner.set({ reason: "no-candidate" }, 1);
  };
  const lines = (await registry.metrics()).split("\n");
  for (
    const line of [
      "herald_speakers_expected 3",
      "herald_speakers_live 2",
      'herald_addresses_without_owner{reason="no-candidate"} 1',
      'herald_speakers_disagree{kind="rules-differ"} 1',
    ]
  ) assert.ok(lines.includes(line), line);
});
