import type { HeartbeatTiming } from "../../heartbeat/monitor_state.ts";
import type { Ip } from "../../net/ip.ts";
import type { MetallbVersion } from "../../speaker/judgement.ts";
import type { ElectionRule } from "../../speaker/view.ts";
import type { GossipSecret, LeaderElection } from "../cluster/cluster.ts";
import type { KeyPairFiles } from "./key_pair.ts";
import type { LogFormat, LogLevel } from "./log.ts";

export const ROLES = ["controller", "speaker", "all"] as const;
export type Role = typeof ROLES[number];

export const ARP_BACKENDS = ["auto", "ebpf", "xdp", "socket"] as const;
export type ArpBackend = typeof ARP_BACKENDS[number];

export const METRICS_AUTHS = ["none", "kubernetes"] as const;
export type MetricsAuth = typeof METRICS_AUTHS[number];

/** Folder of the local sockets by which `herald status` finds the roles of this machine. */
export const RUN_FOLDER = "/run/herald";

/** Where the Kubernetes objects come from. */
export interface SourceOptions {
  /** Folder of manifests in place of an API server. */
  readonly store: string | undefined;
  readonly kubeconfig: string | undefined;
  /** Herald's own namespace, which holds its ConfigMap. */
  readonly namespace: string;
  /** A ConfigMap's name or a file's path; undefined tries MetalLB's two ConfigMap names. */
  readonly config: string | undefined;
  readonly lbClass: string | undefined;
}

/** MetalLB's `--ml-` flags. */
export interface GossipFlags {
  /** Undefined takes the one that leads to the first of `join`. */
  readonly bindAddress: Ip | undefined;
  readonly port: number;
  readonly join: readonly Ip[];
  /** Empty: not encrypted. Never in a log. */
  readonly secret: string;
  /** The Secret of Herald's namespace that holds the key, where it is not given otherwise. */
  readonly secretName: string | undefined;
  readonly keyBytes: 16 | 32 | undefined;
  /** How fast this speaker is missed. */
  readonly heartbeat: HeartbeatTiming;
}

/** What `herald run` was asked to do: flags over environment over defaults, checked. */
export interface RunOptions extends SourceOptions {
  readonly role: Role;
  readonly nodeName: string;
  /** Empty: all addresses of both families. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Further names by which the pages may be asked for; `*.example.com` is all below it, `*` any. */
  readonly httpNames: readonly string[];
  /** Who may read the pages: everybody, or whom the cluster's own rules let. */
  readonly metricsAuth: MetricsAuth;
  /** By which certificate; `self-made` is one that nobody vouches for; undefined: in plain text. */
  readonly tls: KeyPairFiles | "self-made" | undefined;
  /** Label selector and namespace of the speakers' pods; undefined counts every Node as live. */
  readonly mlLabels: string | undefined;
  readonly mlNamespace: string;
  /** How the speakers find each other; undefined when each works alone. */
  readonly gossip: GossipFlags | undefined;
  /** Undefined for a speaker, and where it is not wanted. */
  readonly gossipSecret: GossipSecret | undefined;
  readonly election: ElectionRule;
  /** The version of the MetalLB beside this speaker; undefined recognises it. */
  readonly compat: MetallbVersion | undefined;
  /** Among controllers; undefined: this one writes without asking. */
  readonly leaderElection: LeaderElection | undefined;
  readonly arpBackend: ArpBackend;
  /** Patterns of the interfaces that answer ARP and NDP; none means all but those of containers. */
  readonly interfaces: readonly string[];
  /** Asks whether a foreign host has an address before it is announced. */
  readonly arpProbe: boolean;
  /** Nodes that carry the exclude-from-external-load-balancers label stay candidates. */
  readonly ignoreExcludeLabel: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Flags and variables that were understood and have no effect yet; each gets one log line. */
  readonly withoutEffect: readonly string[];
}

/**
 * The names that MetalLB gives the ConfigMap: its manifests, its operator, and its Helm chart, which
 * takes that of the release.
 */
const DEFAULT_CONFIG_NAMES = ["config", "metallb-config", "metallb"] as const;

/**
 * The names of the ConfigMaps that `--config` means, of which the first that exists counts;
 * undefined where it means a local file.
 */
export function configMapNames(config: string | undefined): readonly string[] | undefined {
  if (config === undefined) return DEFAULT_CONFIG_NAMES;
  return isConfigFile(config) ? undefined : [config];
}

/** Whether `--config` names a local file: it has a `/` or ends in .yaml, .yml or .json. */
export function isConfigFile(config: string): boolean {
  return config.includes("/") || /\.(ya?ml|json)$/.test(config);
}
