import type { GossipSecret } from "../host/cluster/cluster.ts";
import { ELECTION_RULES } from "../speaker/view.ts";
import {
  ARP_BACKENDS,
  type GossipFlags,
  type Role,
  ROLES,
  type RunOptions,
  type SourceOptions,
} from "../host/process/options.ts";
import { formatDuration, parseDuration } from "../config/duration.ts";
import {
  DEFAULT_TIMING,
  type HeartbeatTiming,
  INTERVAL_LIMITS_MS,
  MULTIPLIER_LIMITS,
  timingOf,
} from "../heartbeat/monitor_state.ts";
import { LOG_LEVELS } from "../host/process/log.ts";
import { isNamespaceName, isObjectName } from "../model/names.ts";
import { type Ip, parseIp } from "../net/ip.ts";
import { readLeaderElection } from "./leader_election.ts";

/** The surroundings that give flags their defaults. */
export interface Surroundings {
  readonly env: (name: string) => string | undefined;
  readonly hostname: () => string;
  /** The pod's own namespace, from its service account. */
  readonly podNamespace: () => string | undefined;
  /** A file's text; undefined when it cannot be read. A folder stands for its file of that name. */
  readonly readSecret: (path: string, nameInFolder: string) => string | undefined;
  readonly isTerminal: boolean;
}

/** Flag values as commander gives them, by camelCase name. */
export type Flags = Readonly<Record<string, string | boolean | string[] | undefined>>;

/** The command line or the environment says something that cannot be; exit code 2. */
export class UsageError extends Error {}

/** At most 15 octets without blank or slash are a name; the rest are signs of patterns. */
const INTERFACE_PATTERN = /^!?[^\s/!,]{1,32}$/;

/** Flags that only a speaker has; a controller given one was meant to be something else. */
const SPEAKER_ONLY = [
  "nodeName",
  "mlBindaddr",
  "mlBindport",
  "mlLabels",
  "mlNamespace",
  "mlSecretKey",
  "mlSecretKeyPath",
  "mlJoin",
  "mlKeyBytes",
  "heartbeatInterval",
  "heartbeatMultiplier",
  "mlWanConfig",
  "l2Election",
  "arpBackend",
  "interface",
  "arpProbe",
  "ignoreExcludeLb",
] as const;

/** Flags that only a controller has. */
const CONTROLLER_ONLY = [
  "leaderElect",
  "leaderElectLeaseDuration",
  "leaderElectRenewDeadline",
  "leaderElectRetryPeriod",
  "leaderElectResourceName",
  "leaderElectProfile",
] as const;

/** Understood, and of no consequence in this version. */
const WITHOUT_EFFECT = [
  "podName",
  "disableEpslices",
  "enablePprof",
  "mlWanConfig",
] as const;

/** Reads where the objects come from. @throws UsageError */
export function readSourceOptions(flags: Flags, around: Surroundings): SourceOptions {
  const namespace = text(flags, "namespace") ?? (around.env("METALLB_NAMESPACE") || undefined) ??
    around.podNamespace() ?? "metallb-system";
  if (!isNamespaceName(namespace)) {
    throw new UsageError(`--namespace "${namespace}" is no namespace name`);
  }
  const store = text(flags, "store");
  const kubeconfig = text(flags, "kubeconfig");
  if (store !== undefined && kubeconfig !== undefined) {
    throw new UsageError(
      "--store and --kubeconfig exclude each other: objects come from one place",
    );
  }
  return {
    store,
    kubeconfig,
    namespace,
    config: text(flags, "config"),
    lbClass: text(flags, "lbClass"),
  };
}

/**
 * Reads `--against=cluster|DIR` and where the objects of a cluster are; undefined without it.
 * @throws UsageError
 */
export function readAgainst(flags: Flags, around: Surroundings): SourceOptions | undefined {
  const place = text(flags, "against");
  const needing = ["kubeconfig", "lbClass"].find((name) => flags[name] !== undefined);
  if (place === undefined) {
    if (needing === undefined) return undefined;
    throw new UsageError(`${flagOf(needing)} needs --against=cluster or --against=DIR`);
  }
  if (place === "cluster") return readSourceOptions(flags, around);
  if (flags.kubeconfig !== undefined) {
    throw new UsageError("--kubeconfig goes with --against=cluster: a folder has no API server");
  }
  return readSourceOptions({ ...flags, store: place }, around);
}

/** Reads the flags of `herald run` and fills in the environment and the defaults. @throws UsageError */
export function readRunOptions(flags: Flags, around: Surroundings): RunOptions {
  if (flags.role === undefined) {
    throw new UsageError(`--role is missing; write --role=${ROLES.join(", --role=")}`);
  }
  const role = word("--role", text(flags, "role"), ROLES, "all");
  if (role === "controller") {
    const wrong = SPEAKER_ONLY.find((name) => flags[name] !== undefined);
    if (wrong) {
      throw new UsageError(`${flagOf(wrong)} is a flag of the speaker, not of the controller`);
    }
  }
  if (role === "speaker") {
    const wrong = CONTROLLER_ONLY.find((name) => flags[name] !== undefined);
    if (wrong) {
      throw new UsageError(`${flagOf(wrong)} is a flag of the controller, not of the speaker`);
    }
  }
  const source = readSourceOptions(flags, around);
  const leaderElection = readLeaderElection(flags, source.namespace);
  if (typeof leaderElection === "string") throw new UsageError(leaderElection);
  const mlNamespace = text(flags, "mlNamespace") ??
    (around.env("METALLB_ML_NAMESPACE") || undefined);
  return {
    ...source,
    role,
    // A controller is bound to no node: a host name that Kubernetes would refuse is no fault.
    nodeName: role === "controller" ? around.hostname() : nodeName(flags, around),
    host: host(text(flags, "host") ?? around.env("METALLB_HOST")),
    port: port("--port", text(flags, "port") ?? (around.env("METALLB_PORT") || undefined), 7472),
    mlLabels: text(flags, "mlLabels") ?? (around.env("METALLB_ML_LABELS") || undefined),
    mlNamespace: mlNamespace ?? source.namespace,
    gossip: gossip(flags, around, role),
    gossipSecret: role === "speaker" ? undefined : gossipSecret(flags, around, source.namespace),
    leaderElection: role === "speaker" ? undefined : leaderElection,
    election: word("--l2-election", text(flags, "l2Election"), ELECTION_RULES, "v0.11"),
    arpBackend: word("--arp-backend", text(flags, "arpBackend"), ARP_BACKENDS, "auto"),
    interfaces: interfaces(text(flags, "interface")),
    arpProbe: flags.arpProbe === true,
    ignoreExcludeLabel: flags.ignoreExcludeLb === true,
    logLevel: word("--log-level", text(flags, "logLevel"), LOG_LEVELS, "info"),
    logFormat: word(
      "--log-format",
      text(flags, "logFormat"),
      ["json", "pretty"],
      around.isTerminal ? "pretty" : "json",
    ),
    withoutEffect: WITHOUT_EFFECT.filter((name) => flags[name] !== undefined).map(flagOf),
  };
}

/** Patterns as in a shell: `eth*`, `!eth0`; none means all but those of containers. @throws UsageError */
function interfaces(value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  const patterns = value.split(",").map((one) => one.trim());
  const wrong = patterns.find((one) => !INTERFACE_PATTERN.test(one));
  if (wrong === undefined) return patterns;
  throw new UsageError(
    `--interface: "${wrong}" is no pattern of interface names, such as eth0, bond* or !docker0`,
  );
}

/** As in MetalLB: made by the controller that is told its name. */
function gossipSecret(
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

/** On where an address to bind or a member to join is named, as in MetalLB. */
function gossip(flags: Flags, around: Surroundings, role: Role): GossipFlags | undefined {
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
    keyBytes: keyBytes === undefined ? undefined : keyBytes === "16" ? 16 : 32,
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

function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  if (value === undefined || typeof value !== "string") return undefined;
  if (value === "") throw new UsageError(`${flagOf(name)} is empty`);
  return value;
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function word<W extends string>(
  flag: string,
  value: string | undefined,
  words: readonly W[],
  otherwise: W,
): W {
  if (value === undefined) return otherwise;
  const found = words.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const near = words.find((candidate) => candidate === value.toLowerCase());
  const hint = near === undefined ? "" : `; did you mean ${flag}=${near}?`;
  throw new UsageError(`${flag}=${value} is not one of ${words.join(", ")}${hint}`);
}

function port(flag: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (!/^(0|[1-9][0-9]{0,4})$/.test(value) || Number(value) > 65535) {
    throw new UsageError(`${flag}=${value} is no port; write a number from 0 to 65535`);
  }
  return Number(value);
}

function host(value: string | undefined): string {
  if (value === undefined || value === "") return "";
  if (value === "localhost" || parseIp(value) !== undefined) return value;
  throw new UsageError(`--host=${value} is no address of this machine; write an IP address`);
}

function nodeName(flags: Flags, around: Surroundings): string {
  const named = text(flags, "nodeName") ??
    (around.env("METALLB_NODE_NAME") || around.env("NODE_NAME") || around.hostname().toLowerCase());
  if (!isObjectName(named)) {
    throw new UsageError(
      `--node-name=${named} is no node name; write it as kubectl get nodes shows it`,
    );
  }
  return named;
}
