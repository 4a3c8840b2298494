import type { ReportedProblem } from "../config/report.ts";
import type { Judge } from "../speaker/judgement.ts";
import type { ElectionRule } from "../speaker/view.ts";

/** What configuration is in force, and what is wrong with a newer one. */
export interface ConfigStatus {
  /** `stale`: an older one stays in force because the newest was rejected. */
  readonly state: "none" | "loaded" | "stale";
  readonly source: string;
  readonly problems: readonly ReportedProblem[];
  /** Why it is stale or absent, one sentence. */
  readonly reason?: string;
  /** Where it is stale: the one in force, by the keys of the grammar and without passwords. */
  readonly inForce?: Readonly<Record<string, unknown>>;
}

export interface PoolStatus {
  readonly name: string;
  readonly protocol: string;
  /** Decimal text, for an IPv6 pool outgrows numbers. */
  readonly addresses: string;
  readonly inUse: number;
  readonly services: number;
  /** Kept for deleted Services. */
  readonly kept: number;
  /** Given only to who asks for them. */
  readonly reserved: number;
  /** In how long it will be full, if its use goes on as in the last day; undefined when never. */
  readonly fullInMs?: number;
}

/** Who gives out addresses. */
export interface LeadStatus {
  /** `alone`: there is no election, so it must be the only one. */
  readonly role: "leader" | "standby" | "alone";
  /** Who leads: this one, another, or nobody that is known. */
  readonly leader?: string;
  /** Why there is no election. */
  readonly reason?: string;
}

export interface ControllerStatus {
  readonly lead?: LeadStatus;
  /** Why pools and Services are not known here; undefined when they are all that there is. */
  readonly unknown?: string;
  readonly pools: readonly PoolStatus[];
  readonly services: readonly {
    readonly service: string;
    readonly ips: readonly string[];
    readonly pool?: string;
    /** Why it has none, or not all that it wants. */
    readonly reason?: string;
  }[];
}

export interface SpeakerStatus {
  readonly node: string;
  /** By which rule it takes part in the election, and whom it counts in; undefined: all nodes. */
  readonly election?: ElectionRule;
  readonly ignoreExcludeLabel?: boolean;
  /** By whose rules it judges nodes: as MetalLB beside speakers of that version. */
  readonly judge?: Judge;
  readonly live?: readonly string[];
  /** Of them those whose view of the cluster is stale. */
  readonly stale?: readonly string[];
  readonly backend: string;
  readonly interfaces: readonly {
    readonly name: string;
    readonly mac: string;
    /** What answers first there, where that is not the backend. */
    readonly by?: string;
  }[];
  /** Interfaces that could answer ARP and NDP, and that their names keep out. */
  readonly leftOut?: readonly string[];
  readonly peers?: readonly PeerStatus[];
  /** The other speakers; undefined without gossip. */
  readonly members?: readonly {
    readonly node: string;
    readonly address: string;
    readonly state: string;
  }[];
  /** How many addresses of layer 2 each node owns. */
  readonly owned?: Readonly<Record<string, number>>;
  /** Subnets with addresses to announce to which no interface of a node leads any more. */
  readonly cutOff?: Readonly<Record<string, readonly string[]>>;
  /** What is wrong among the speakers and only a person can put right. */
  readonly concerns?: readonly string[];
  /** Hosts that had one of our addresses in the last minute. */
  readonly conflicts?: readonly { readonly ip: string; readonly mac: string }[];
  /** Why not all addresses are known yet; undefined when they are. */
  readonly unknown?: string;
  readonly addresses: readonly {
    readonly ip: string;
    readonly services: readonly string[];
    readonly owner?: string;
    readonly protocol?: string;
    readonly announcing: boolean;
    /** To which BGP peers its routes go, one sentence each. */
    readonly routes?: readonly string[];
    readonly reason: string;
  }[];
}

/** One BGP peer as this node sees it. */
export interface PeerStatus {
  /** `address:port`. */
  readonly peer: string;
  readonly asn: number;
  /** RFC 4271's name of the state. */
  readonly state: string;
  readonly establishedAt: string | undefined;
  readonly localAddress: string | undefined;
  readonly routerId: string | undefined;
  readonly peerRouterId: string | undefined;
  readonly holdTimeMs: number | undefined;
  readonly families: readonly string[];
  readonly lastError: string | undefined;
  readonly lastNotificationSent: string | undefined;
  readonly lastNotificationReceived: string | undefined;
  readonly prefixesSent: number;
  readonly prefixesPending: number;
  readonly prefixesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly nextAttemptInMs: number | undefined;
  /** State of its BFD session; undefined without a profile. */
  readonly bfd: string | undefined;
}

/** What Herald says of itself in JSON; counts up when something goes or means something else. */
export const STATUS_SCHEMA = 1;

/** The certificate of the pages. */
export interface CertificateStatus {
  /** Its file, or that it is made. */
  readonly source: string;
  /** Until when it is valid. */
  readonly notAfter: string;
  /** What is wrong with it, or with a newer one. */
  readonly problem?: string | undefined;
}

/** `/status`: what one Herald process holds. */
export interface ProcessStatus {
  /** The number of docs/status.schema.json by which to read it. */
  readonly schema: 1;
  readonly pid: number;
  readonly version: string;
  readonly role: string;
  readonly startedAt: string;
  /** Where the objects come from, and by which flags. */
  readonly objects: string;
  readonly store?: string;
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly configFlag?: string;
  readonly lbClass?: string;
  readonly ready: boolean;
  readonly notReady: readonly string[];
  readonly unhealthy: readonly string[];
  /** By whose rules somebody may read the pages, where not everybody may. */
  readonly access?: "kubernetes";
  readonly certificate?: CertificateStatus;
  readonly config: ConfigStatus;
  readonly controller?: ControllerStatus;
  readonly speaker?: SpeakerStatus;
}

/** What a process answered, and in a cluster which pod it is. */
interface AskedStatus extends ProcessStatus {
  readonly pod?: string;
}

/** A pod of Herald's that did not answer, and why. */
export interface SilentPod {
  readonly pod: string;
  readonly why: string;
}

/** `herald status --output=json`: what was found, of this machine or of a cluster. */
export interface StatusReport {
  /** As that of each role. */
  readonly schema: 1;
  readonly roles: readonly AskedStatus[];
  /** Absent where this machine was asked. */
  readonly silent?: readonly SilentPod[];
  /** What is wrong, one sentence each; absent where nobody asked (`--check`). */
  readonly problems?: readonly string[];
}
