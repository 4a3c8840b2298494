import type { Counter, Gauge, Registry } from "prom-client";
import { declareIn } from "./declare.ts";

/** Metrics of the process itself: Prometheus' common names, as MetalLB has them. */
export interface ProcessMetrics {
  readonly buildInfo: Gauge<"version" | "commit" | "role">;
  readonly ready: Gauge;
  readonly cpuSeconds: Counter;
  readonly residentBytes: Gauge;
  readonly openFds: Gauge;
  readonly startTime: Gauge;
  /** Called before each scrape: brings all but the first up to date. */
  onScrape: (() => void) | undefined;
}

/** Declares them in a registry. */
export function createProcessMetrics(registry: Registry): ProcessMetrics {
  const { counter, gauge } = declareIn(registry);
  const metrics: ProcessMetrics = {
    buildInfo: gauge("herald_build_info", "1, with what runs here and in which role", [
      "version",
      "commit",
      "role",
    ]),
    ready: gauge(
      "herald_ready",
      "1 while /readyz says that the process is ready",
      [],
      () => metrics.onScrape?.(),
    ),
    cpuSeconds: counter("process_cpu_seconds_total", "CPU time used, user and system together"),
    residentBytes: gauge("process_resident_memory_bytes", "Memory that the process occupies"),
    openFds: gauge("process_open_fds", "Open file descriptors"),
    startTime: gauge("process_start_time_seconds", "When the process began, in Unix time"),
    onScrape: undefined,
  };
  return metrics;
}
