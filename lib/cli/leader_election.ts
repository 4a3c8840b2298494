import type { Millis } from "../base/time.ts";
import { formatDuration, parseDuration } from "../config/duration.ts";
import type { LeaderElection } from "../host/cluster/cluster.ts";
import { isObjectName } from "../model/names.ts";

/** The flags of leader election that were given, by camelCase name. */
export type ElectionFlags = Readonly<Record<string, string | boolean | string[] | undefined>>;

type Times = Pick<LeaderElection, "durationMs" | "renewDeadlineMs" | "retryPeriodMs">;

/** Kubernetes' own defaults; and those for a takeover within three seconds of a crash. */
const PROFILES: Readonly<Record<string, Times>> = {
  default: { durationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
  fast: { durationMs: 2_000, renewDeadlineMs: 1_200, retryPeriodMs: 300 },
};

const LONGEST_MS: Millis = 3_600_000;

/**
 * Reads `--leader-elect` and its companions, named as Kubernetes' own components name them.
 * Undefined: no election. A text: what is wrong, for the person at the command line.
 */
export function readLeaderElection(
  flags: ElectionFlags,
  namespace: string,
): LeaderElection | undefined | string {
  const wanted = flags.leaderElect;
  if (wanted !== undefined && wanted !== true && wanted !== "true" && wanted !== "false") {
    return `--leader-elect=${wanted} is neither true nor false`;
  }
  const profile = flags.leaderElectProfile ?? "default";
  const defaults = typeof profile === "string" ? PROFILES[profile] : undefined;
  if (defaults === undefined) {
    return `--leader-elect-profile=${profile} is not one of ${Object.keys(PROFILES).join(", ")}`;
  }
  const name = flags.leaderElectResourceName ?? "herald-controller";
  if (typeof name !== "string" || !isObjectName(name)) {
    return `--leader-elect-resource-name=${name} is no name of a Lease`;
  }
  const durationMs = duration(flags, "leaderElectLeaseDuration", defaults.durationMs);
  const renewDeadlineMs = duration(flags, "leaderElectRenewDeadline", defaults.renewDeadlineMs);
  const retryPeriodMs = duration(flags, "leaderElectRetryPeriod", defaults.retryPeriodMs);
  if (typeof durationMs === "string") return durationMs;
  if (typeof renewDeadlineMs === "string") return renewDeadlineMs;
  if (typeof retryPeriodMs === "string") return retryPeriodMs;
  const mistake = disorder({ durationMs, renewDeadlineMs, retryPeriodMs });
  if (mistake !== undefined) return mistake;
  if (wanted === "false") return undefined;
  return { namespace, name, durationMs, renewDeadlineMs, retryPeriodMs };
}

function duration(flags: ElectionFlags, name: string, otherwise: Millis): Millis | string {
  const value = flags[name];
  if (value === undefined) return otherwise;
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms === undefined || ms < 1) {
    return `${flag}=${value} is no duration; write it as 15s or 1m30s`;
  }
  return ms <= LONGEST_MS ? ms : `${flag}=${value} is more than an hour`;
}

/** client-go's conditions, and the field's: whole seconds. */
function disorder({ durationMs, renewDeadlineMs, retryPeriodMs }: Times): string | undefined {
  const [duration, deadline, retry] = [durationMs, renewDeadlineMs, retryPeriodMs]
    .map(formatDuration);
  if (durationMs % 1000 !== 0) {
    return `--leader-elect-lease-duration=${duration} is not in whole seconds, as a Lease has it`;
  }
  if (durationMs <= renewDeadlineMs) {
    return `--leader-elect-lease-duration=${duration} must be more than ` +
      `--leader-elect-renew-deadline=${deadline}, or a leader would write in the next one's time`;
  }
  if (renewDeadlineMs <= 1.2 * retryPeriodMs) {
    return `--leader-elect-renew-deadline=${deadline} must be more than 1.2 times ` +
      `--leader-elect-retry-period=${retry}, or a leader would stop before it tried again`;
  }
  return undefined;
}
