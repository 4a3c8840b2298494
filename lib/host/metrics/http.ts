import type { Counter, Gauge, Registry } from "prom-client";
import { declareIn } from "./declare.ts";

/** What an access to the pages came to. */
export const ACCESSES = ["allowed", "unauthenticated", "forbidden", "unknown"] as const;

/** Metrics of the pages: who may read them, and the certificate that they are served by. */
export interface HttpMetrics {
  readonly accesses: Counter<"verdict">;
  readonly reviewErrors: Counter;
  readonly certificateExpiry: Gauge;
  readonly certificateRefused: Gauge;
}

/** Declares them in a registry. */
export function createHttpMetrics(registry: Registry): HttpMetrics {
  const { counter, gauge } = declareIn(registry);
  const metrics: HttpMetrics = {
    accesses: counter(
      "herald_http_accesses_total",
      "Requests for closed pages (--metrics-auth), by what became of them",
      ["verdict"],
    ),
    reviewErrors: counter(
      "herald_http_review_errors_total",
      "Times that the API server did not tell whether a token may read the pages",
    ),
    certificateExpiry: gauge(
      "herald_http_certificate_expiry_timestamp_seconds",
      "Until when the certificate of the pages is valid, in Unix time; 0 without TLS",
    ),
    certificateRefused: gauge(
      "herald_http_certificate_refused",
      "1 while the files of --tls-cert and --tls-key cannot be used, and the pair before them is",
    ),
  };
  for (const verdict of ACCESSES) metrics.accesses.inc({ verdict }, 0);
  return metrics;
}
