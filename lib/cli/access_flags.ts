import { METRICS_AUTHS, type RunOptions, type SourceOptions } from "../host/process/options.ts";
import { type Flags, text, UsageError, word } from "./flag_values.ts";

/** Reads who may see the pages, and by which certificate. @throws UsageError */
export function readAccess(
  flags: Flags,
  { store }: Pick<SourceOptions, "store">,
): Pick<RunOptions, "metricsAuth" | "tls"> {
  const metricsAuth = word("--metrics-auth", text(flags, "metricsAuth"), METRICS_AUTHS, "none");
  if (metricsAuth === "kubernetes" && store !== undefined) {
    throw new UsageError(
      "--metrics-auth=kubernetes asks an API server, and --store has none; " +
        "--host=127.0.0.1 keeps the pages on this machine",
    );
  }
  const files = readFiles(flags);
  // A token would be read by whoever listens on the way.
  return { metricsAuth, tls: files ?? (metricsAuth === "kubernetes" ? "self-made" : undefined) };
}

function readFiles(flags: Flags): Exclude<RunOptions["tls"], "self-made"> {
  const certificate = text(flags, "tlsCert");
  const key = text(flags, "tlsKey");
  const folder = text(flags, "metricsCertDir")?.replace(/\/+$/, "");
  if (folder !== undefined) {
    if (certificate !== undefined || key !== undefined) {
      throw new UsageError("--metrics-cert-dir excludes --tls-cert and --tls-key: one pair counts");
    }
    return { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` };
  }
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    throw new UsageError("--tls-cert and --tls-key go together: a certificate and its key");
  }
  return { certificate, key };
}
