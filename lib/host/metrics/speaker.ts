import type { Gauge, Registry } from "prom-client";
import { declareIn } from "./declare.ts";

/** Metrics of what a speaker sees of the whole cluster, not of itself alone. */
export interface SpeakerMetrics {
  readonly expected: Gauge;
  readonly live: Gauge;
  readonly withoutOwner: Gauge<"reason">;
  readonly concerns: Gauge<"kind">;
  /** Called before each scrape: counts them, which would cost each change more. */
  onScrape: (() => void) | undefined;
}

/** Declares them in a registry. */
export function createSpeakerMetrics(registry: Registry): SpeakerMetrics {
  const { gauge } = declareIn(registry);
  const metrics: SpeakerMetrics = {
    expected: gauge(
      "herald_speakers_expected",
      "Nodes that have a speaker's pod; all Nodes where no pod tells",
      [],
      () => metrics.onScrape?.(),
    ),
    live: gauge(
      "herald_speakers_live",
      "Nodes whose speaker lives and can announce, as this one sees it",
    ),
    withoutOwner: gauge(
      "herald_addresses_without_owner",
      "Addresses of Services that no node is to announce, by why",
      ["reason"],
    ),
    concerns: gauge(
      "herald_speakers_disagree",
      "1 for what is wrong among the speakers and only a person can put right, by kind",
      ["kind"],
    ),
    onScrape: undefined,
  };
  return metrics;
}
