import type { Cluster } from "../cluster/cluster.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { RunOptions } from "./options.ts";
import type { Feed } from "./watchdog.ts";
import type { ConfigStatus, ControllerStatus, SpeakerStatus } from "../../status/types.ts";

/** Where the Workers' code is, as the entry point knows it. */
export interface WorkerUrls {
  /** A speaker's: for all that keeps time. */
  readonly timekeeper: URL;
  /** A controller's. */
  readonly watchdog: URL;
}

/** What a role is given to work with. */
export interface RoleContext {
  readonly clock: Clock;
  readonly options: RunOptions;
  readonly cluster: Cluster;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
  readonly workers: WorkerUrls;
  /** What the watchdog of a speaker shall watch; undefined where another does. */
  readonly feed?: Feed | undefined;
}

/** A role at work. */
export interface RunningRole {
  /** Why it is not ready, one sentence each; none when it is. */
  readonly notReady: () => readonly string[];
  /** Why it should be restarted; none when it is well. */
  readonly unhealthy: () => readonly string[];
  /** Gives over what others can take, before the signal ends it; in less than a second. */
  readonly handOver?: () => Promise<void>;
  /** The configuration it works by. */
  readonly config: {
    status(): ConfigStatus;
    /** Reads a local file again now. */
    reload(): void;
  };
  readonly controller?: () => ControllerStatus;
  readonly speaker?: () => SpeakerStatus;
  /** Settles when the role has ended after the signal; rejects when it broke. */
  readonly done: Promise<void>;
}

/** Two roles of one process may wait for the same: it is told once. */
export function notReadyOf(roles: readonly Pick<RunningRole, "notReady">[]): readonly string[] {
  return [...new Set(roles.flatMap((role) => role.notReady()))];
}
