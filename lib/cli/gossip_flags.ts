import { formatDuration, parseDuration } from "../config/duration.ts";
import {
  DEFAULT_TIMING,
  type HeartbeatTiming,
  INTERVAL_LIMITS_MS,
  MULTIPLIER_LIMITS,
  timingOf,
} from "../heartbeat/monitor_state.ts";
import type { GossipSecret } from "../host/cluster/cluster.ts";
import type { GossipFlags, Role } from "../host/process/options.ts";
import { type Ip, parseIp } from "../net/ip.ts";
import { type Flags, port, type Surroundings, text, UsageError, word } from "./flag_values.ts";

/** As in MetalLB: made by the controller that is told its name. */
export function readGossipSecret(
  flags: Flags,
  around: Surroundings,
  namespace: string,
): GossipSecret | undefined {
  const name = secretName(flags, around);
  const deployment = text(flags, "deployment") ?? (around.env("METALLB_DEPLOYMENT") || undefined);
  return name === undefined ? undefined : { namespace, name, deployment };
}

function secretName(flags: Flags, around: Surroundings): string | undefined {
  return text(flags, "mlSecretName") ?? (around.env("METALLB_ML_SECRET_NAME") || undefined);
}

/**
 * On where an address to bind or a member to join is named, as in MetalLB; `otherKeyBytes` is the
 * key's length where the flags name none. @throws UsageError
 */
export function readGossip(
  flags: Flags,
  around: Surroundings,
  role: Role,
  otherKeyBytes?: 16 | 32,
): GossipFlags | undefined {
  const named = (flag: string, variable: string) =>
    text(flags, flag) ?? (around.env(variable) || undefined);
  const bind = named("mlBindaddr", "METALLB_ML_BIND_ADDR");
  const join = (text(flags, "mlJoin") ?? "").split(",").map((one) => one.trim())
    .filter((one) => one !== "").map((one) => address("--ml-join", one));
  const portNumber = port("--ml-bindport", named("mlBindport", "METALLB_ML_BIND_PORT"), 7946);
  const bytes = text(flags, "mlKeyBytes");
  const keyBytes = bytes === undefined
    ? undefined
    : word("--ml-key-bytes", bytes, ["16", "32"], "32");
  const beats = heartbeat(flags);
  if (role === "controller" || (bind === undefined && join.length === 0)) return undefined;
  const key = secret(flags, around);
  return {
    bindAddress: bind === undefined ? undefined : address("--ml-bindaddr", bind),
    port: portNumber,
    join,
    secret: key ?? "",
    secretName: key === undefined ? secretName(flags, around) : undefined,
    keyBytes: keyBytes === undefined ? otherKeyBytes : keyBytes === "16" ? 16 : 32,
    heartbeat: beats,
  };
}

/** The pace of this speaker's own beats: the others go by what the beats tell. @throws UsageError */
function heartbeat(flags: Flags): HeartbeatTiming {
  const { least, most } = INTERVAL_LIMITS_MS;
  const interval = text(flags, "heartbeatInterval");
  const intervalMs = interval === undefined
    ? DEFAULT_TIMING.intervalMs
    : parseDuration(interval) ?? NaN;
  if (!Number.isInteger(intervalMs) || intervalMs < least || intervalMs > most) {
    throw new UsageError(
      `--heartbeat-interval=${interval} is no time of whole milliseconds from ` +
        `${formatDuration(least)} to ${formatDuration(most)}, such as 50ms or 1s`,
    );
  }
  const count = text(flags, "heartbeatMultiplier");
  const multiplier = count === undefined ? DEFAULT_TIMING.multiplier : Number(count);
  const limits = MULTIPLIER_LIMITS;
  const fits = multiplier >= limits.least && multiplier <= limits.most;
  if (count !== undefined && (!/^[0-9]{1,2}$/.test(count) || !fits)) {
    throw new UsageError(
      `--heartbeat-multiplier=${count} is no number from ${limits.least} to ${limits.most}`,
    );
  }
  return timingOf(intervalMs, multiplier);
}

function address(flag: string, value: string): Ip {
  const found = parseIp(value);
  if (found === undefined) throw new UsageError(`${flag}=${value} is no IP address`);
  return found;
}

/** MetalLB up to v0.13 gives the key by environment, later ones by a mounted file. */
function secret(flags: Flags, around: Surroundings): string | undefined {
  const given = text(flags, "mlSecretKey");
  if (given !== undefined) return given;
  const path = text(flags, "mlSecretKeyPath") ??
    (around.env("METALLB_ML_SECRET_KEY_PATH") || undefined);
  if (path === undefined) return around.env("METALLB_ML_SECRET_KEY");
  const read = around.readSecret(path, "secretkey");
  if (read === undefined) {
    throw new UsageError(
      `The gossip key cannot be read from ${path}; is the Secret mounted there?`,
    );
  }
  return read.trim();
}
