import type { Config } from "../config/types.ts";
import type { NodeFacts } from "../model/facts.ts";
import type { Ip } from "../net/ip.ts";
import type { Prefix } from "../net/prefix.ts";
import type { Judgement } from "./judgement.ts";
import type { NodeAddresses } from "./node_addresses.ts";

export const ELECTION_RULES = ["v0.11", "v0.10"] as const;
/** Whose rule of owners: MetalLB v0.11 and later, or v0.10. */
export type ElectionRule = typeof ELECTION_RULES[number];

/** "kept": this node answers for it still; else nobody does for long, and these do not want it. */
export type Unclaimedness = "kept" | ReadonlySet<string>;

/** What this speaker sees of the cluster. */
export interface SpeakerView {
  readonly config: Config;
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  readonly nodeAddresses: NodeAddresses;
  /** Nodes with a live speaker; undefined counts every node. */
  readonly liveSpeakers: ReadonlySet<string> | undefined;
  /** Of them those whose view of the cluster is stale: others that can serve come first. */
  readonly staleSpeakers: ReadonlySet<string>;
  /** What this node may answer for, though others come first in its view: they do not claim it. */
  readonly unclaimed?: ReadonlyMap<Ip, Unclaimedness>;
  /** Subnets to which no interface of a node leads any more; undefined: of none is it known. */
  readonly cutOff?: ReadonlyMap<string, readonly Prefix[]> | undefined;
  /** This node's name. */
  readonly self: string;
  readonly election: ElectionRule;
  readonly judgement: Judgement;
  readonly lbClass: string | undefined;
}

/** One node's chance to own an address. `reason` says why it is no candidate. */
export interface Candidate {
  readonly node: string;
  readonly eligible: boolean;
  readonly reason?: string;
}
