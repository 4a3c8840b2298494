import { COMPAT, COMPAT_WORDS } from "../speaker/compat.ts";
import { METALLB_VERSIONS, type MetallbVersion } from "../speaker/judgement.ts";
import { ELECTION_RULES } from "../speaker/view.ts";
import {
  ARP_BACKENDS,
  ROLES,
  type RunOptions,
  type SourceOptions,
} from "../host/process/options.ts";
import { LOG_LEVELS } from "../host/process/log.ts";
import { isNamespaceName, isObjectName } from "../model/names.ts";
import { parseIp } from "../net/ip.ts";
import {
  flagOf,
  type Flags,
  port,
  type Surroundings,
  text,
  UsageError,
  word,
} from "./flag_values.ts";
import { readAccess } from "./access_flags.ts";
import { readGossip, readGossipSecret } from "./gossip_flags.ts";
import { readLeaderElection } from "./leader_election.ts";

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
  "compat",
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
  const needing = ["kubeconfig", "lbClass", "compat"].find((name) => flags[name] !== undefined);
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

/** Reads which MetalLB is to be replaced; undefined where that was not said. @throws UsageError */
export function readReplaced(flags: Flags): MetallbVersion | undefined {
  const value = text(flags, "compat");
  return value === undefined ? undefined : word("--compat", value, METALLB_VERSIONS, "v0.12");
}

/** Reads where the cluster is that `herald status` asks; undefined: this machine. @throws UsageError */
export function readCluster(
  flags: Flags,
  around: Surroundings,
): Pick<SourceOptions, "kubeconfig" | "namespace"> | undefined {
  const { cluster, kubeconfig, namespace } = flags;
  if (cluster === undefined && kubeconfig === undefined) {
    if (namespace === undefined) return undefined;
    throw new UsageError("--namespace needs --cluster: the roles of this machine are in none");
  }
  const source = readSourceOptions({ kubeconfig, namespace }, around);
  return { kubeconfig: source.kubeconfig, namespace: source.namespace };
}

/** Reads `herald status --port`. @throws UsageError */
export function readPagePort(flags: Flags): number | undefined {
  const value = text(flags, "port");
  if (value === undefined) return undefined;
  if (flags.cluster === undefined && flags.kubeconfig === undefined) {
    return port("--port", value, 0);
  }
  throw new UsageError(
    "--port is of this machine; the roles of a cluster name theirs in their pods",
  );
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
  const beside = word("--compat", text(flags, "compat"), COMPAT_WORDS, "none");
  const compat = beside === "none" ? undefined : beside;
  const mlNamespace = text(flags, "mlNamespace") ??
    (around.env("METALLB_ML_NAMESPACE") || undefined);
  return {
    ...source,
    role,
    compat,
    // A controller is bound to no node: a host name that Kubernetes would refuse is no fault.
    nodeName: role === "controller" ? around.hostname() : nodeName(flags, around),
    host: host(text(flags, "host") ?? around.env("METALLB_HOST")),
    port: port("--port", text(flags, "port") ?? (around.env("METALLB_PORT") || undefined), 7472),
    ...readAccess(flags, source),
    httpNames: httpNames(text(flags, "httpNames")),
    mlLabels: text(flags, "mlLabels") ?? (around.env("METALLB_ML_LABELS") || undefined),
    mlNamespace: mlNamespace ?? source.namespace,
    gossip: readGossip(flags, around, role, compat && COMPAT[compat].keyBytes),
    gossipSecret: role === "speaker"
      ? undefined
      : readGossipSecret(flags, around, source.namespace),
    leaderElection: role === "speaker" ? undefined : leaderElection,
    election: word(
      "--l2-election",
      text(flags, "l2Election"),
      ELECTION_RULES,
      compat === undefined ? "v0.11" : COMPAT[compat].election,
    ),
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

function host(value: string | undefined): string {
  if (value === undefined || value === "") return "";
  if (value === "localhost" || parseIp(value) !== undefined) return value;
  throw new UsageError(`--host=${value} is no address of this machine; write an IP address`);
}

/** `*` alone is any name: whoever wants that has something else that looks at it. @throws UsageError */
function httpNames(value: string | undefined): readonly string[] {
  const names = (value ?? "").split(",").map((one) => one.trim()).filter((one) => one !== "");
  const wrong = names.find((one) => !/^(\*|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?)$/i.test(one));
  if (wrong === undefined) return names;
  throw new UsageError(
    `--http-names: "${wrong}" is no host name, such as lb.example.com or *.example.com`,
  );
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
