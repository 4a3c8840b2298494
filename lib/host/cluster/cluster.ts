import type { Millis } from "../../base/time.ts";
import type { EventReason, EventType } from "../../model/names.ts";
import type { Ip } from "../../net/ip.ts";
import type { WatchedKind } from "./kinds.ts";
import type { ServiceFacts } from "../../model/facts.ts";
import { LEADING_WRITER, LONE_WRITER } from "../../model/status_manager.ts";

/** What happened to one object, already compared with what was known before. */
export type Change<T> =
  | { readonly kind: "apply"; readonly key: string; readonly value: T; readonly previous?: T }
  | { readonly kind: "delete"; readonly key: string; readonly previous: T }
  /** Everything that existed has been reported once; comes after each full list. */
  | { readonly kind: "synced" };

export interface WatchOptions<T> {
  readonly kind: WatchedKind;
  /** Only this namespace; cluster-wide when absent. */
  readonly namespace?: string;
  /** Only the object of this name. */
  readonly name?: string;
  readonly labelSelector?: string;
  /** Takes what Herald needs from an object; undefined leaves the object out. Never throws. */
  readonly read: (object: unknown) => T | undefined;
  /** Called in order, never concurrently. */
  readonly onChange: (change: Change<T>) => void;
  /** The server refuses to list them: no role allows it. They are asked for again all the same. */
  readonly onRefused?: (message: string) => void;
  /** Whether two readings are the same; equal ones give no change. Default: deeply equal. */
  readonly equal?: (a: T, b: T) => boolean;
}

/** A cache fed by a watch. */
export interface Watched<T> {
  readonly synced: boolean;
  /** Monotonic milliseconds of the last sign of life (event, bookmark or list). */
  readonly lastHeardMs: number;
  /**
   * Monotonic milliseconds of the last step of its loop: it heard, waited or asked again. Advances
   * even while the server is away, so a value that is minutes old means a hung loop.
   */
  readonly lastMovedMs: number;
  readonly items: ReadonlyMap<string, T>;
  /**
   * Reads everything anew; settles when all that was in the cluster at the time of the call is in
   * `items` and was reported, or when the watch has ended.
   */
  refresh(): Promise<void>;
  /** Settles when the watch has ended after its signal fired. */
  readonly done: Promise<void>;
}

/** Permission to write; valid while this process leads. */
export interface Permit {
  /** Whether a request may go out at this moment; by the clock, so asked right before it does. */
  mayBegin(): boolean;
  /** So long a request may take at most. */
  readonly withinMs: Millis;
  /** The name to write by; see {@link leadingWriter} and {@link loneWriter}. */
  readonly writer?: string;
}

/** The API server takes no longer one. */
const MAX_WRITER = 128;

/** The field manager of who leads by a Lease: the same one for all that stand for it. */
export function leadingWriter({ name, namespace }: LeaderElection): string {
  return `${LEADING_WRITER}${namespace}/${name}`.slice(0, MAX_WRITER);
}

/**
 * The field manager of one that writes without election. Of two Heralds that see each other write,
 * the one whose name is later in the alphabet falls silent: one without election before a leader,
 * and of two that lead by a Lease each always the same one.
 */
export function loneWriter(id: string): string {
  return LONE_WRITER + id;
}

/** Whether this process is the one that may write. */
export type Lead =
  | { readonly kind: "leader"; readonly identity: string; readonly permit: Permit }
  /** `leader`: who leads, where that is known. */
  | { readonly kind: "standby"; readonly identity: string; readonly leader: string | undefined }
  /** There can be no election: it writes, and must be the only one. */
  | { readonly kind: "alone"; readonly permit: Permit; readonly reason: string };

/** The election's name and times, as `--leader-elect-…` give them. */
export interface LeaderElection {
  readonly namespace: string;
  readonly name: string;
  readonly durationMs: Millis;
  readonly renewDeadlineMs: Millis;
  readonly retryPeriodMs: Millis;
}

/** The Secret of the speakers' gossip key, which the controller makes where there is none. */
export interface GossipSecret {
  readonly namespace: string;
  readonly name: string;
  /** The owner that it is given. */
  readonly deployment: string | undefined;
}

/** What a candidate for leader tells, and asks. */
export interface LeadHooks {
  /** Told of each change of the lead. */
  readonly onChange: (lead: Lead) => void;
  /** Whether it is known that no Service has an address: then nobody leads of whom it matters. */
  readonly nothingGiven: () => boolean;
}

/** One candidate's part in a leader election. */
export interface Candidacy {
  readonly lead: Lead;
  /** Why the server refuses what the election needs; undefined where it does not. */
  readonly refusal?: string;
  /** What `nothingGiven` says may have changed. */
  look?(): void;
  /** Gives the lead up, so that a waiting candidate takes it; in much less than a second. */
  release(): Promise<void>;
  /** Settles when it has ended after its signal fired. */
  readonly done: Promise<void>;
}

/** A Service's status as it shall be. */
export interface StatusWrite {
  /** Nothing is sent without it; absent where no other process can write. */
  readonly permit?: Permit;
  readonly service: Pick<ServiceFacts, "key" | "namespace" | "name" | "uid" | "resourceVersion">;
  /** In order; empty clears status.loadBalancer. */
  readonly ips: readonly Ip[];
  /** Written as an annotation beside them; undefined takes the annotation away. */
  readonly pool: string | undefined;
}

export type WriteOutcome =
  | { readonly kind: "written"; readonly resourceVersion: string }
  /** Another client wrote first (409): plan again on the newer object. */
  | { readonly kind: "conflict" }
  /** The Service is gone (404), or another one has taken its name (uid). */
  | { readonly kind: "gone" }
  /** Refused for good (403, 422): trying at once again is no use. */
  | { readonly kind: "refused"; readonly error: string }
  /** The permit was over before the request could go out: nothing was sent. */
  | { readonly kind: "not-leader" }
  /** Unknown or temporary (network, 429, 5xx): read back and try later. */
  | { readonly kind: "failed"; readonly error: string; readonly retryAfterMs?: number };

/** A Kubernetes event about a Service, about Herald's ConfigMap, or about a Node. */
export interface ClusterEvent {
  readonly permit?: Permit;
  readonly about: {
    readonly kind: "Service" | "ConfigMap" | "Node";
    /** Where its events are; a Node itself has none, and its events are in `default`. */
    readonly namespace: string;
    readonly name: string;
    /** By it `kubectl describe` finds the events of its object. */
    readonly uid: string;
  };
  /**
   * A state of its object, not something that happened to it: there is one event of it, and whoever
   * tells it again, another process too, counts that one up and puts the newest message there.
   */
  readonly standing?: boolean;
  readonly type: EventType;
  readonly reason: EventReason;
  readonly message: string;
  readonly component: "metallb-controller" | "metallb-speaker";
}

/** Whether the bearer of a token may get a page. */
export type Review =
  | { readonly kind: "allowed" | "unauthenticated" | "forbidden" }
  /** Not known now: the API server was not reached, or lets Herald not ask. */
  | { readonly kind: "failed"; readonly reason: string };

/** Kubernetes objects, from an API server or from a folder of manifests. */
export interface Cluster {
  /** For people: the server's address or the folder's path. */
  readonly description: string;
  /** How often things happened, for metrics: `relists`, `stalls`, `events_dropped` … */
  readonly counters?: ReadonlyMap<string, number>;
  watch<T>(options: WatchOptions<T>, signal: AbortSignal): Watched<T>;
  /** Writes status.loadBalancer of one Service and nothing else of it. Never throws. */
  writeStatus(write: StatusWrite, signal: AbortSignal): Promise<WriteOutcome>;
  /** Who else wrote the status last, as its field manager; undefined where nobody knows. Never throws. */
  statusManager(
    service: StatusWrite["service"],
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** Sees to it that the Secret of the speakers' gossip key is there, until the signal. Never throws. */
  ensureGossipSecret(secret: GossipSecret, signal: AbortSignal): Promise<void>;
  /** A text that an earlier process left; undefined when there is none. @throws Error with the cause */
  readNote(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** Leaves a text for later processes. @throws Error with the cause */
  writeNote(name: string, text: string, permit: Permit, signal: AbortSignal): Promise<void>;
  /** Stands for election as the one that writes. */
  stand(election: LeaderElection, hooks: LeadHooks, signal: AbortSignal): Candidacy;
  /**
   * Asks whether the bearer of this token may get the page at this path. Absent where there is nobody
   * to ask. Never throws, and never tells the token.
   */
  review?(token: string, path: string, signal: AbortSignal): Promise<Review>;
  /** Publishes an event; failures are logged and forgotten. */
  publishEvent(event: ClusterEvent, signal: AbortSignal): Promise<void>;
}
