import { after, type Instant, type Millis } from "../../base/time.ts";
import { unreachable } from "../../base/errors.ts";
import { nextDeadline, step } from "../../lease/election.ts";
import {
  createElection,
  type ElectionAction,
  type ElectionEvent,
  type ElectionState,
  mayWrite,
  STOP_REASONS,
  writeWithinMs,
} from "../../lease/election_state.ts";
import { decodeLease, encodeLease, encodeNewLease, type Lease } from "../../lease/record.ts";
import { oncePer } from "../process/backoff.ts";
import { aborted, type Clock } from "../process/clock.ts";
import { type Machine, runMachine } from "../process/machine.ts";
import {
  type Candidacy,
  type Lead,
  type LeaderElection,
  type LeadHooks,
  loneWriter,
  type Permit,
} from "../cluster/cluster.ts";
import type { KubeAnswer, KubeClient } from "./client.ts";
import { isVerbForbidden } from "./transport.ts";
import { objectPath } from "./paths.ts";
import { watchLease } from "./lease_watch.ts";
import type { Log } from "../process/log.ts";
import { isOlder } from "../cluster/watch_cache.ts";

/** What a candidate for a Lease works with. */
interface LeaseHost {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Of this process, and of no other one ever. */
  readonly identity: string;
  /** Milliseconds since 1970, to be written into the Lease and for nothing else. */
  readonly wallMs: () => number;
  /** For how long the machine stood since it was last asked. */
  readonly pausedMs: () => Millis;
}

/** A release must not hold up the end of the process. */
const RELEASE_MS: Millis = 400;

const NO_LEASE = { message: "the answer is no Lease", status: undefined };

/** A candidate for a Lease. Updated in place. */
interface Candidate extends LeaseHost {
  readonly election: LeaderElection;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly mayComplain: () => boolean;
  readonly onChange: (lead: Lead) => void;
  readonly released: PromiseWithResolvers<void>;
  /** Ends the election, with the process or ahead of it. */
  readonly over: AbortController;
  state: ElectionState;
  lead: Lead;
  /** Permission for leases is, or was, there: a refusal is a failure as any other. */
  granted: boolean;
  /** Since when the server refuses for lack of permission; undefined: it does not. */
  refusedSince: Instant | undefined;
  /** What it says; undefined as soon as it answers. */
  refusal: string | undefined;
}

/**
 * Stands for a Lease until the signal fires. Where permission for it is missing from the start, for
 * as long as a lease lasts, this process goes on alone; it asks on all the same, and stands for
 * election as soon as it may: an API server that has just started refuses what it allows later.
 */
export function standForLease(
  host: LeaseHost,
  election: LeaderElection,
  { nothingGiven, onChange }: LeadHooks,
  signal: AbortSignal,
): Candidacy {
  const { client, clock, identity, pausedMs, wallMs } = host;
  const { namespace, name } = election;
  const over = new AbortController();
  const candidate: Candidate = {
    ...host,
    log: host.log.child({ lease: `${namespace}/${name}` }),
    election,
    path: objectPath("Lease", namespace, name),
    signal,
    mayComplain: oncePer(30_000, clock.now),
    onChange,
    released: Promise.withResolvers<void>(),
    over,
    state: createElection(identity, election),
    lead: { kind: "standby", identity, leader: undefined },
    granted: false,
    refusedSince: undefined,
    refusal: undefined,
  };
  const { released } = candidate;
  const watch = watchLease(client, election, clock, {
    onSeen(lease) {
      if (!isBehind(candidate, lease)) machine.feed({ kind: "seen", lease });
    },
    onDeleted: () => machine.feed({ kind: "deleted" }),
  }, over.signal);
  const machine: Machine<ElectionEvent> = runMachine({
    step(event, now) {
      const given = { now, wallMs: wallMs(), random: clock.random, nothingGiven: nothingGiven() };
      const ms = pausedMs();
      const events = ms > 0 ? [{ kind: "paused", ms } as const, event] : [event];
      return events.flatMap((one) => {
        const turn = step(candidate.state, one, given);
        candidate.state = turn.state;
        return turn.actions;
      });
    },
    nextDeadline: () => nextDeadline(candidate.state),
    perform: (action) => perform(candidate, action, (event) => machine.feed(event)),
    tick: { kind: "tick" },
    after() {
      const { lease, phase } = candidate.state;
      // A leader too: somebody may delete it, and another must not find it gone for long.
      if (phase !== "releasing" && lease !== undefined) watch.from(lease.resourceVersion);
      else watch.stop();
    },
    clock,
    signal: over.signal,
  });
  signal.addEventListener("abort", () => {
    over.abort();
    released.resolve();
  }, { once: true });
  // Not synchronously: the caller does not have the returned object yet.
  queueMicrotask(() => machine.feed({ kind: "tick" }));
  return {
    get lead() {
      return candidate.lead;
    },
    get refusal() {
      return candidate.refusal;
    },
    look: () => machine.feed({ kind: "tick" }),
    async release() {
      machine.feed({ kind: "stop" });
      const giveUp = clock.schedule(RELEASE_MS, released.resolve);
      await released.promise;
      giveUp();
    },
    done: aborted(signal),
  };
}

function perform(
  candidate: Candidate,
  action: ElectionAction,
  feed: (event: ElectionEvent) => void,
): void {
  const { identity, lead, log, released, state } = candidate;
  const leader = state.lease?.record.holder || undefined;
  const answered = (event: ElectionEvent | undefined) => event && feed(event);
  switch (action.kind) {
    case "read":
      return void read(candidate, action).then(answered);
    case "write":
      return void write(candidate, action).then(answered);
    case "started":
      return change(candidate, { kind: "leader", identity, permit: permitOfTerm(candidate, feed) });
    case "stopped":
      log[action.reason === "released" ? "info" : "warn"](
        { reason: STOP_REASONS[action.reason] },
        "the lead is over, nothing is written",
      );
      return change(candidate, { kind: "standby", identity, leader });
    case "holder":
      // Who finds its own name there leads in the same turn, or has to win it anew.
      if (lead.kind !== "standby" || leader === identity) return;
      return change(candidate, { kind: "standby", identity, leader });
    case "ended":
      return released.resolve();
    default:
      return unreachable(action);
  }
}

function change(candidate: Candidate, next: Lead): void {
  candidate.lead = next;
  candidate.onChange(next);
}

/** Of this term alone: what was asked for in an earlier one must not go out in the next. */
function permitOfTerm(candidate: Candidate, feed: (event: ElectionEvent) => void): Permit {
  const permit: Permit = {
    mayBegin() {
      const ms = candidate.pausedMs();
      if (ms > 0) feed({ kind: "paused", ms });
      return candidate.lead.kind === "leader" && candidate.lead.permit === permit &&
        mayWrite(candidate.state, candidate.clock.now());
    },
    withinMs: writeWithinMs(candidate.election),
  };
  return permit;
}

/** Reads the Lease; the event that its answer is, undefined where the election is over. */
async function read(
  candidate: Candidate,
  { id, withinMs }: ElectionAction & { kind: "read" },
): Promise<ElectionEvent | undefined> {
  const { client, election: { namespace, name }, path, signal } = candidate;
  const operation = `read lease ${namespace}/${name}`;
  const request = { operation, method: "GET", path, urgent: true, timeoutMs: withinMs } as const;
  const answer = await client.request(request, signal);
  if (answer.kind === "failure" && answer.status === 404) {
    return { kind: "read", id, lease: undefined };
  }
  const lease = leaseOf(answer);
  if (lease === undefined) return failed(candidate, id, answer, "get");
  answers(candidate);
  return { kind: "read", id, lease };
}

/** Writes the Lease; gives an event as {@link read} does. */
async function write(
  candidate: Candidate,
  { base, id, record, withinMs }: ElectionAction & { kind: "write" },
): Promise<ElectionEvent | undefined> {
  const { client, election: { namespace, name }, path, signal } = candidate;
  const answer = await client.request({
    operation: `${base === undefined ? "create" : "update"} lease ${namespace}/${name}`,
    method: base === undefined ? "POST" : "PUT",
    path: base === undefined ? objectPath("Lease", namespace) : path,
    body: base === undefined ? encodeNewLease(record, namespace, name) : encodeLease(record, base),
    urgent: true,
    timeoutMs: withinMs,
  }, signal);
  const lease = leaseOf(answer);
  if (lease !== undefined) {
    answers(candidate);
    return { kind: "written", id, lease };
  }
  const { status } = answer.kind === "failure" ? answer : { status: undefined };
  // 404: deleted since it was read.
  if (status === 409 || (status === 404 && base !== undefined)) return { kind: "conflict", id };
  return failed(candidate, id, answer, base === undefined ? "create" : "update");
}

function failed(
  candidate: Candidate,
  id: number,
  answer: KubeAnswer,
  verb: string,
): ElectionEvent | undefined {
  const { clock, election, lead, log, mayComplain, over } = candidate;
  if (over.signal.aborted) return undefined;
  const { message: error, status = 0 } = answer.kind === "failure" ? answer : NO_LEASE;
  candidate.refusal = [401, 403, 404].includes(status) ? error : undefined;
  if (lead.kind !== "alone" && mayComplain()) {
    log.warn({ error }, "cannot read or write the Lease, trying again");
  }
  if (!candidate.granted && answer.kind === "failure" && isVerbForbidden(answer, verb)) {
    candidate.refusedSince ??= clock.now();
    const lasts = clock.now() >= after(candidate.refusedSince, election.durationMs);
    if (lasts && lead.kind === "standby") goOnAlone(candidate, error);
  }
  return { kind: "failed", id };
}

function goOnAlone(candidate: Candidate, error: string): void {
  const { identity, log, over } = candidate;
  log.warn(
    { error },
    "no leader election: permission for leases is missing; run one controller only, or grant " +
      "get, create, update and watch of leases",
  );
  const mayBegin = () => candidate.lead.kind === "alone" && !over.signal.aborted;
  const permit = { mayBegin, withinMs: 20_000, writer: loneWriter(identity.slice(-12)) };
  change(candidate, { kind: "alone", permit, reason: "permission for leases is missing" });
}

/** There is a Lease, and permission for it: from now on it decides who leads. */
function answers(candidate: Candidate): void {
  const { identity, lead, log } = candidate;
  candidate.granted = true;
  candidate.refusal = undefined;
  if (lead.kind !== "alone") return;
  log.info({}, "permission for leases is there now, standing for election");
  change(candidate, { kind: "standby", identity, leader: undefined });
}

/** A watch may lag behind what was read. */
function isBehind({ state }: Candidate, { resourceVersion }: Lease): boolean {
  return state.lease !== undefined && isOlder(resourceVersion, state.lease.resourceVersion);
}

function leaseOf(answer: KubeAnswer): Lease | undefined {
  return answer.kind === "ok" ? decodeLease(answer.body) : undefined;
}
