import { after, type Instant, instant, type Millis } from "../base/time.ts";
import type { Lease, LeaseRecord } from "./record.ts";

/** client-go's three times: duration > renew deadline > 1.2 × retry period. */
export interface ElectionTiming {
  /** Others wait so long after the last change that they saw; whole seconds. */
  readonly durationMs: Millis;
  /** A leader that could not renew for so long stops. */
  readonly renewDeadlineMs: Millis;
  /** Between two renewals, and at least between two looks at another's lease. */
  readonly retryPeriodMs: Millis;
}

export type ElectionEvent =
  | { readonly kind: "tick" }
  /** A watch brought the Lease. */
  | { readonly kind: "seen"; readonly lease: Lease }
  /** This machine stood for so long, and its clock with it. */
  | { readonly kind: "paused"; readonly ms: Millis }
  /** A watch told that the Lease is gone. */
  | { readonly kind: "deleted" }
  /** The answer to a read; undefined: there is none. */
  | { readonly kind: "read"; readonly id: number; readonly lease: Lease | undefined }
  | { readonly kind: "written"; readonly id: number; readonly lease: Lease }
  /** Another client was faster: the version is not the present one any more (409), or it is gone. */
  | { readonly kind: "conflict"; readonly id: number }
  /** No answer, or none of use; a write may have been done all the same. */
  | { readonly kind: "failed"; readonly id: number }
  /** Gives the lead up, for good. */
  | { readonly kind: "stop" };

/** Why a leader stopped. */
export type StopReason = "not-renewed" | "taken" | "released";

/** The same for people. */
export const STOP_REASONS: Readonly<Record<StopReason, string>> = {
  "not-renewed": "the lease could not be renewed within --leader-elect-renew-deadline",
  "taken": "another holds the lease",
  "released": "the lease is given up",
};

export type ElectionAction =
  | { readonly kind: "read"; readonly id: number; readonly withinMs: Millis }
  /** Puts the record in the place of `base`; makes a Lease where that is undefined. */
  | {
    readonly kind: "write";
    readonly id: number;
    readonly base: Lease | undefined;
    readonly record: LeaseRecord;
    readonly withinMs: Millis;
  }
  | { readonly kind: "started" }
  | { readonly kind: "stopped"; readonly reason: StopReason }
  /** The Lease names another holder than before; empty: none. */
  | { readonly kind: "holder"; readonly holder: string }
  /** After `stop`: nothing follows. */
  | { readonly kind: "ended" };

/** What one candidate knows; only `step` makes a new one. */
export interface ElectionState {
  readonly identity: string;
  readonly timing: ElectionTiming;
  readonly phase: "standby" | "leading" | "releasing" | "ended";
  /** As last seen; undefined when there is none, or none was read yet. */
  readonly lease: Lease | undefined;
  /** The Lease must be read before anything is written: never read, or changed meanwhile. */
  readonly mustRead: boolean;
  /** It was never there when it was looked for. */
  readonly neverSeen: boolean;
  /** Until then, by the local clock, the holder of the Lease may act. */
  readonly heldUntil: Instant;
  /** While leading: when the last write that succeeded was sent. */
  readonly renewedAt: Instant;
  readonly pending:
    | { readonly id: number; readonly kind: "read" | "write"; readonly at: Instant }
    | undefined;
  /** The next renewal or look. */
  readonly nextAt: Instant;
  /** Conflicts in a row. */
  readonly conflicts: number;
  readonly lastId: number;
}

/** A candidate that knows nothing yet; its first tick reads the Lease. */
export function createElection(identity: string, timing: ElectionTiming): ElectionState {
  const never = instant(-Infinity);
  return {
    identity,
    timing,
    phase: "standby",
    lease: undefined,
    mustRead: true,
    neverSeen: true,
    heldUntil: never,
    renewedAt: never,
    pending: undefined,
    nextAt: never,
    conflicts: 0,
    lastId: 0,
  };
}

/** When a leader that does not renew any more stops. */
export function leadEnds({ renewedAt, timing }: ElectionState): Instant {
  return after(renewedAt, timing.renewDeadlineMs);
}

/**
 * Whether the leader may begin a write that ends within {@link writeWithinMs}: then it has ended
 * when the first other one may take the lease. Whatever happened to this process meanwhile, the
 * answer is right, for it rests on the clock alone.
 */
export function mayWrite(state: ElectionState, now: Instant): boolean {
  return state.phase === "leading" && now < leadEnds(state);
}

/**
 * How long a leader's write may take. A fifth of the time between renew deadline and lease duration
 * stays for clocks that run at different rates.
 */
export function writeWithinMs({ durationMs, renewDeadlineMs }: ElectionTiming): Millis {
  return (durationMs - renewDeadlineMs) * 0.8;
}
