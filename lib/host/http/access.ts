import { errorText } from "../../base/errors.ts";
import type { ProcessStatus } from "../../status/types.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { HttpMetrics } from "../metrics/http.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { RunOptions } from "../process/options.ts";
import { type Certificate, openCertificate } from "./certificate.ts";
import { createGuard, type Guard } from "./guard.ts";

/** How the pages are kept from who may not read them, and from who listens on the way. */
export interface Access {
  readonly guard?: Guard;
  readonly certificate?: Certificate;
  status(): Pick<ProcessStatus, "access" | "certificate">;
}

interface AccessHost {
  readonly cluster: Pick<Cluster, "review" | "description">;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: HttpMetrics;
  /** Unix time. */
  readonly wallMs?: () => number;
}

/** Opens what the flags ask for. @throws Error naming what cannot be used, and its flag */
export async function openAccess(
  { host, metricsAuth, nodeName, tls }: Pick<
    RunOptions,
    "host" | "metricsAuth" | "nodeName" | "tls"
  >,
  { cluster, clock, log, metrics, wallMs = Date.now }: AccessHost,
  signal: AbortSignal,
): Promise<Access> {
  const { review } = cluster;
  if (metricsAuth === "kubernetes" && review === undefined) {
    throw new Error(
      `--metrics-auth=kubernetes: ${cluster.description} cannot be asked who may read`,
    );
  }
  const certificate = tls && await openCertificate({
    files: tls === "self-made" ? undefined : tls,
    names: namesOf(host, nodeName),
    clock,
    wallMs,
    metrics,
    log,
  }).catch((error) => {
    throw new Error(`${errorText(error)} (--tls-cert and --tls-key, or --metrics-cert-dir)`, {
      cause: error,
    });
  });
  const guard = metricsAuth === "kubernetes" && review
    ? createGuard({ review, clock, wallMs, metrics, log }, signal)
    : undefined;
  return {
    guard,
    certificate,
    status: () => ({ access: guard && "kubernetes", certificate: certificate?.status() }),
  };
}

/** Of a certificate that nobody vouches for, so that at least the name is right. */
function namesOf(host: string, nodeName: string): readonly string[] {
  const own = [Deno.hostname(), nodeName, host].filter((name) => name !== "");
  return [...new Set([...own, "localhost", "127.0.0.1", "::1"])];
}
