import type { NodeFacts } from "../model/facts.ts";

/**
 * Versions of MetalLB that judge nodes differently, each with those up to the next: v0.10, v0.11 to
 * v0.13, and v0.14 to v0.16.
 */
export const METALLB_VERSIONS = ["v0.10", "v0.12", "v0.16"] as const;
export type MetallbVersion = typeof METALLB_VERSIONS[number];

/** Whose rules say which nodes can announce. */
export type Judge = "Herald" | MetallbVersion;

/** Those rules, for the nodes of one moment. */
export interface Judgement {
  /** A node that is not Ready serves only where no other can. */
  readonly prefersReady: boolean;
  /** A node with the condition NetworkUnavailable does not serve. */
  readonly needsNetwork: boolean;
  /**
   * A node labelled exclude-from-external-load-balancers does not serve; "everywhere": that would
   * leave no node at all, so each serves.
   */
  readonly excludes: boolean | "everywhere";
  /** Endpoints that terminate and still serve count. */
  readonly terminating: "never" | "where none is ready" | "like ready ones";
  /** Endpoints of an address's own family serve it, where a slice tells of any, as kube-proxy forwards. */
  readonly familiesApart: boolean;
}

type Rules = Omit<Judgement, "excludes"> & {
  readonly label: "ignored" | "counts" | "counts unless everywhere";
};

const UP_TO_0_13: Rules = {
  prefersReady: false,
  needsNetwork: false,
  label: "ignored",
  terminating: "never",
  familiesApart: false,
};

/** As MetalLB's speaker/layer2_controller.go of these versions. */
const RULES: Readonly<Record<Judge, Rules>> = {
  "Herald": {
    prefersReady: true,
    needsNetwork: true,
    label: "counts unless everywhere",
    terminating: "where none is ready",
    familiesApart: true,
  },
  "v0.10": UP_TO_0_13,
  "v0.12": UP_TO_0_13,
  "v0.16": {
    prefersReady: false,
    needsNetwork: true,
    label: "counts",
    terminating: "like ready ones",
    familiesApart: false,
  },
};

/** MetalLB's speakers in the gossip of this one. */
export interface Beside {
  /** Nodes whose speaker is a member and not Herald's. */
  readonly nodes: ReadonlySet<string>;
  /** Of them those that gossip as MetalLB up to v0.12 does: its pings do not name who asks … */
  readonly older: ReadonlySet<string>;
  /** … and those that do as later ones. Their metadata is empty, in every version. */
  readonly newer: ReadonlySet<string>;
  /** Octets of the key by which they understand this one; undefined without a key. */
  readonly keyBytes: number | undefined;
}

/**
 * Decides by whose rules nodes are judged. Beside speakers of MetalLB all must judge as these do, or
 * an address has two owners, or none. Their version is what was said, else what their gossip tells:
 * that of v0.12 and before differs, and up to v0.13 they understand 16 octets of a key only, later
 * ones 32.
 */
export function judgeBeside(
  { nodes, keyBytes, newer, older }: Beside,
  compat: MetallbVersion | undefined,
): Judge {
  if (nodes.size === 0) return "Herald";
  if (compat !== undefined) return compat;
  if (older.size > 0) return "v0.12";
  return keyBytes === 32 || (keyBytes === undefined && newer.size > 0) ? "v0.16" : "v0.12";
}

/** What this judge's rules mean for these nodes. */
export function judgementOf(
  judge: Judge,
  ignoreExcludeLabel: boolean,
  nodes: ReadonlyMap<string, NodeFacts>,
): Judgement {
  const { label, ...rules } = RULES[judge];
  if (ignoreExcludeLabel || label === "ignored") return { ...rules, excludes: false };
  const everywhere = label === "counts unless everywhere" && nodes.size > 0 &&
    [...nodes.values()].every(({ excluded }) => excluded);
  return { ...rules, excludes: everywhere ? "everywhere" : true };
}
