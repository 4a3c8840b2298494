import type { Gauge, Histogram, Registry } from "prom-client";
import { declareIn } from "./declare.ts";

/** Metrics of the process's own health. */
export interface HealthMetrics {
  readonly lag: Histogram;
  readonly lastHeard: Gauge<"kind">;
  /** Called before each scrape: brings the silences up to date. */
  onScrape: (() => void) | undefined;
  /** Asked at each scrape: how often what happened beside the rule, since the start. */
  incidents: (() => ReadonlyMap<string, number>) | undefined;
}

/** Declares them in a registry. */
export function createHealthMetrics(registry: Registry): HealthMetrics {
  const { counter, gauge, histogram } = declareIn(registry);
  const metrics: HealthMetrics = {
    lag: histogram(
      "herald_event_loop_lag_seconds",
      "How late the event loop was, looked at four times a second",
      [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    ),
    lastHeard: gauge(
      "herald_watch_last_heard_seconds",
      "Time since a watch last had a sign of life from where the objects are",
      ["kind"],
      () => metrics.onScrape?.(),
    ),
    onScrape: undefined,
    incidents: undefined,
  };
  const incidents = counter(
    "herald_cluster_incidents_total",
    "Watches read anew or stalled, objects skipped, events dropped or refused",
    ["what"],
    () => {
      incidents.reset();
      for (const [what, count] of metrics.incidents?.() ?? []) incidents.inc({ what }, count);
    },
  );
  return metrics;
}
