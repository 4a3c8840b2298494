import { unreachable } from "../base/errors.ts";
import { after, type Instant, instant, type Millis, type Random } from "../base/time.ts";
import { formatMicroTime } from "../model/timestamp.ts";
import {
  type ElectionAction,
  type ElectionEvent,
  type ElectionState,
  leadEnds,
  type StopReason,
} from "./election_state.ts";
import { type Lease, type LeaseRecord, sameRecord } from "./record.ts";

/** Looks at another's lease are spread: at least a retry period apart, at most 2.2 of them. */
const JITTER_FACTOR = 1.2;

/** What a step has besides the event: the two clocks, and chance. */
interface Circumstances {
  readonly now: Instant;
  /** Milliseconds since 1970; only written into the Lease, never judged by. */
  readonly wallMs: number;
  readonly random: Random;
  /** No Service has an address, so nobody leads of whom it matters. Absent: that is not known. */
  readonly nothingGiven?: boolean;
}

interface Turn {
  readonly state: ElectionState;
  readonly actions: readonly ElectionAction[];
}

/**
 * Advances one candidate for a Lease (client-go tools/leaderelection): the holder renews it every
 * retry period and stops when it could not within the renew deadline; the others take it when it
 * was not seen to change for its duration, or has no holder. At most one request is under way. Total
 * over every event; actions are in the order to perform.
 */
export function step(state: ElectionState, event: ElectionEvent, given: Circumstances): Turn {
  const { now } = given;
  if (state.phase === "ended") return { state, actions: [] };
  if (event.kind === "paused") return step(paused(state, event.ms), { kind: "tick" }, given);
  // First of all: an answer that comes too late must not prolong a lead that is over.
  const expired = state.phase === "leading" && now >= leadEnds(state)
    ? stopped({ state, actions: [] }, "not-renewed")
    : { state, actions: [] };
  return proceed(handle(expired, event, given), given);
}

/** When the next tick is due; undefined while only an answer can bring it on. */
export function nextDeadline(state: ElectionState): Instant | undefined {
  if (state.phase === "ended" || state.phase === "releasing") return undefined;
  const due: number[] = state.phase === "leading" ? [leadEnds(state)] : [];
  if (state.pending === undefined) {
    due.push(state.nextAt);
    // An expired lease is taken at that moment, not at the next look.
    const held = state.phase === "standby" && !state.mustRead && Number.isFinite(state.heldUntil);
    if (held) due.push(state.heldUntil);
  }
  return due.length === 0 ? undefined : instant(Math.min(...due));
}

function handle(turn: Turn, event: ElectionEvent, given: Circumstances): Turn {
  switch (event.kind) {
    case "tick":
      return turn;
    case "seen":
      return observed(
        { ...turn, state: { ...turn.state, mustRead: false } },
        event.lease,
        given.now,
      );
    case "paused":
      return turn; // Taken before.
    case "deleted":
      return { ...turn, state: { ...turn.state, mustRead: true, nextAt: given.now } };
    case "stop": {
      const ending = turn.state.phase === "leading" ? stopped(turn, "released") : turn;
      return { ...ending, state: { ...ending.state, phase: "releasing" } };
    }
    case "read":
    case "written":
    case "conflict":
    case "failed":
      return turn.state.pending?.id === event.id ? answered(turn, event, given) : turn;
    default:
      return unreachable(event);
  }
}

/**
 * For the others more time has passed than for this one's clock: what was sent lies further back. A
 * standby waits by its own clock all the same, which takes nothing from a leader that goes on.
 */
function paused(state: ElectionState, ms: Millis): ElectionState {
  const { pending, renewedAt } = state;
  return {
    ...state,
    renewedAt: after(renewedAt, -ms),
    pending: pending && { ...pending, at: after(pending.at, -ms) },
  };
}

type Answer = Exclude<ElectionEvent, { kind: "tick" | "seen" | "deleted" | "paused" | "stop" }>;

function answered(turn: Turn, answer: Answer, given: Circumstances): Turn {
  const { pending } = turn.state;
  const { now } = given;
  const state: ElectionState = { ...turn.state, pending: undefined };
  const free: Turn = { ...turn, state };
  switch (answer.kind) {
    case "read": {
      const next: Turn = { ...free, state: { ...state, mustRead: false } };
      return answer.lease === undefined
        ? later(gone(next, now), given)
        : later(observed(next, answer.lease, now), given);
    }
    case "written": {
      const next = observed({ ...free, state: { ...state, conflicts: 0 } }, answer.lease, now);
      return won(next, pending?.at ?? instant(-Infinity), now);
    }
    case "conflict": {
      const conflicts = state.conflicts + 1;
      const again: Turn = { ...free, state: { ...state, mustRead: true, conflicts, nextAt: now } };
      return conflicts > 1 ? later(again, given) : again;
    }
    case "failed":
      // A holder that cannot tell the others lets them wait for the end of the lease.
      if (state.phase === "releasing") return ended(free);
      // Whether a write was done, only the Lease itself can tell.
      return later({ ...free, state: { ...state, mustRead: true } }, given, pending?.at);
    default:
      return unreachable(answer);
  }
}

/** The write of a record with our name succeeded; it counts from when it was sent. */
function won(turn: Turn, sentAt: Instant, now: Instant): Turn {
  const { state, actions } = turn;
  if (state.phase === "releasing" || state.lease?.record.holder !== state.identity) return turn;
  const { renewDeadlineMs, retryPeriodMs } = state.timing;
  if (now >= after(sentAt, renewDeadlineMs)) return { actions, state: { ...state, nextAt: now } };
  const leading: ElectionState = {
    ...state,
    phase: "leading",
    renewedAt: sentAt,
    nextAt: after(sentAt, retryPeriodMs),
  };
  return {
    state: leading,
    actions: state.phase === "leading" ? actions : [...actions, { kind: "started" }],
  };
}

/** The Lease is as it is now; only a change of what it says begins its time anew. */
function observed(turn: Turn, lease: Lease, now: Instant): Turn {
  const { state } = turn;
  const before = state.lease?.record;
  const { record } = lease;
  const changed = before === undefined || !sameRecord(before, record);
  const heldUntil = !changed
    ? state.heldUntil
    : record.holder === ""
    ? now
    : after(now, record.durationMs ?? state.timing.durationMs);
  const next: Turn = { ...turn, state: { ...state, lease, heldUntil, neverSeen: false } };
  const told: Turn = before?.holder === record.holder
    ? next
    : { ...next, actions: [...next.actions, { kind: "holder", holder: record.holder }] };
  const taken = state.phase === "leading" && record.holder !== state.identity;
  return taken ? stopped(told, "taken") : told;
}

/**
 * Deleted: its holder may not know yet, so its time still runs. Who comes when it is gone already
 * knows neither holder nor time, and waits as long as a holder may act.
 */
function gone({ actions, state }: Turn, now: Instant): Turn {
  const unheard = state.neverSeen && !Number.isFinite(state.heldUntil);
  const heldUntil = unheard ? after(now, state.timing.durationMs) : state.heldUntil;
  return { actions, state: { ...state, lease: undefined, heldUntil } };
}

function stopped(turn: Turn, reason: StopReason): Turn {
  return {
    state: { ...turn.state, phase: "standby" },
    actions: [...turn.actions, { kind: "stopped", reason }],
  };
}

/** Sets the time of the next try: while leading by when the last one began, else spread. */
function later(turn: Turn, { now, random }: Circumstances, begunAt = now): Turn {
  const { state } = turn;
  const { retryPeriodMs } = state.timing;
  if (state.phase !== "leading") {
    const wait = retryPeriodMs * (1 + random() * JITTER_FACTOR);
    return { ...turn, state: { ...state, nextAt: after(now, wait) } };
  }
  // What was read only to renew is renewed at once.
  const nextAt = state.mustRead ? after(begunAt, retryPeriodMs) : now;
  return { ...turn, state: { ...state, nextAt } };
}

function ended({ actions, state }: Turn): Turn {
  return { state: { ...state, phase: "ended" }, actions: [...actions, { kind: "ended" }] };
}

/** Sends what is due, where nothing is under way. */
function proceed(turn: Turn, given: Circumstances): Turn {
  const { state } = turn;
  if (state.pending !== undefined) return turn;
  const isDue = given.now >= state.nextAt;
  switch (state.phase) {
    case "leading":
      return !isDue ? turn : state.mustRead ? read(turn, given) : write(turn, given);
    case "standby":
      if (!state.mustRead && isFree(state, given)) return write(turn, given);
      return isDue ? read(turn, given) : turn;
    case "releasing":
      return release(turn, given);
    case "ended":
      return turn;
    default:
      return unreachable(state.phase);
  }
}

function isFree(
  { heldUntil, identity, lease, neverSeen }: ElectionState,
  { nothingGiven, now }: Circumstances,
): boolean {
  const fresh = neverSeen && nothingGiven === true;
  return now >= heldUntil || lease?.record.holder === identity || fresh;
}

function read({ actions, state }: Turn, { now }: Circumstances): Turn {
  const id = state.lastId + 1;
  return {
    state: { ...state, lastId: id, pending: { id, kind: "read", at: now } },
    actions: [...actions, { kind: "read", id, withinMs: requestWithinMs(state) }],
  };
}

function write(turn: Turn, given: Circumstances): Turn {
  const { identity, lease, timing } = turn.state;
  const renewTime = formatMicroTime(given.wallMs);
  const before = lease?.record;
  const own = before?.holder === identity;
  return send(turn, {
    holder: identity,
    durationMs: timing.durationMs,
    acquireTime: own ? before.acquireTime ?? renewTime : renewTime,
    renewTime,
    transitions: before === undefined ? 0 : before.transitions + (own ? 0 : 1),
  }, given);
}

/** Nobody's from now on, so that another need not wait; what is another's is left alone. */
function release(turn: Turn, given: Circumstances): Turn {
  const { identity, lease, mustRead } = turn.state;
  const beaten = mustRead && turn.state.conflicts > 1;
  if (lease?.record.holder !== identity || beaten) return ended(turn);
  if (mustRead) return read(turn, given);
  const at = formatMicroTime(given.wallMs);
  const { transitions } = lease.record;
  return send(
    turn,
    { holder: "", durationMs: 1000, acquireTime: at, renewTime: at, transitions },
    given,
  );
}

function send({ actions, state }: Turn, record: LeaseRecord, { now }: Circumstances): Turn {
  const id = state.lastId + 1;
  return {
    state: { ...state, lastId: id, pending: { id, kind: "write", at: now } },
    actions: [
      ...actions,
      { kind: "write", id, base: state.lease, record, withinMs: requestWithinMs(state) },
    ],
  };
}

/** So that a request without an answer leaves time for another one before the renew deadline. */
function requestWithinMs({ timing }: ElectionState): number {
  return timing.renewDeadlineMs / 2;
}
