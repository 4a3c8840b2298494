import type { Instant, Millis } from "../../base/time.ts";
import { unreachable } from "../../base/errors.ts";
import { nextDeadline, step } from "../../lease/election.ts";
import {
  createElection,
  type ElectionAction,
  type ElectionEvent,
  mayWrite,
  type StopReason,
  writeWithinMs,
} from "../../lease/election_state.ts";
import { decodeLease, encodeLease, encodeNewLease, type Lease } from "../../lease/record.ts";
import { oncePer } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Candidacy, Lead, LeaderElection, Permit } from "../cluster/cluster.ts";
import type { KubeAnswer, KubeClient, KubeFailure } from "./client.ts";
import { objectPath } from "./paths.ts";
import { watchLease } from "./lease_watch.ts";
import type { Log } from "../process/log.ts";
import { isOlder } from "../cluster/watch_cache.ts";

/** What a stand for a Lease works with. */
export interface LeaseHost {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Of this process, and of no other one ever. */
  readonly identity: string;
  /** Milliseconds since 1970, to be written into the Lease and for nothing else. */
  readonly wallMs: () => number;
}

/** A release must not hold up the end of the process. */
const RELEASE_MS: Millis = 400;

const STOP_REASONS: Readonly<Record<StopReason, string>> = {
  "not-renewed": "the lease could not be renewed within --leader-elect-renew-deadline",
  "taken": "another holds the lease",
  "released": "the lease is given up",
};

/**
 * Stands for a Lease until the signal fires. Where the rights for it lack from the start, there is
 * no election, and this process goes on alone.
 */
export function standForLease(
  host: LeaseHost,
  election: LeaderElection,
  onChange: (lead: Lead) => void,
  signal: AbortSignal,
): Candidacy {
  const { client, clock, identity } = host;
  const { namespace, name } = election;
  const log = host.log.child({ lease: `${namespace}/${name}` });
  const path = objectPath("Lease", namespace, name);
  const mayComplain = oncePer(30_000, clock.now);
  const released = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let state = createElection(identity, election);
  let lead: Lead = { kind: "standby", identity, leader: undefined };
  let timer: number | undefined;
  /** The rights are, or were, there: a refusal is a failure as any other. */
  let granted = false;
  const watch = watchLease(client, election, onSeen, signal);

  function feed(event: ElectionEvent): void {
    if (signal.aborted || lead.kind === "alone") return;
    const given = { now: clock.now(), wallMs: host.wallMs(), random: clock.random };
    const turn = step(state, event, given);
    state = turn.state;
    turn.actions.forEach(perform);
    arm();
    const { lease } = state;
    if (state.phase === "standby" && lease !== undefined) watch.from(lease.resourceVersion);
    else watch.stop();
  }

  function arm(): void {
    clearTimeout(timer);
    const due: Instant | undefined = nextDeadline(state);
    if (due === undefined || signal.aborted || lead.kind === "alone") return;
    timer = setTimeout(() => feed({ kind: "tick" }), Math.max(0, Math.ceil(due - clock.now())));
  }

  function perform(action: ElectionAction): void {
    switch (action.kind) {
      case "read":
        return void read(action);
      case "write":
        return void write(action);
      case "started":
        return change({ kind: "leader", identity, permit: permitOfTerm() });
      case "stopped":
        log[action.reason === "released" ? "info" : "warn"](
          { reason: STOP_REASONS[action.reason] },
          "the lead is over, nothing is written",
        );
        return change({ kind: "standby", identity, leader: holderOf(state.lease) });
      case "holder":
        if (lead.kind === "standby") {
          change({ kind: "standby", identity, leader: holderOf(state.lease) });
        }
        return;
      case "ended":
        return released.resolve();
      default:
        return unreachable(action);
    }
  }

  function change(next: Lead): void {
    lead = next;
    onChange(lead);
  }

  /** Of this term alone: what was asked for in an earlier one must not go out in the next. */
  function permitOfTerm(): Permit {
    const permit: Permit = {
      mayBegin: () =>
        lead.kind === "leader" && lead.permit === permit && mayWrite(state, clock.now()),
      withinMs: writeWithinMs(election),
    };
    return permit;
  }

  async function read({ id, withinMs }: ElectionAction & { kind: "read" }): Promise<void> {
    const operation = `read lease ${namespace}/${name}`;
    const request = { operation, method: "GET", path, urgent: true, timeoutMs: withinMs } as const;
    const answer = await client.request(request, signal);
    if (answer.kind === "failure" && answer.status === 404) {
      return feed({ kind: "read", id, lease: undefined });
    }
    const lease = leaseOf(answer);
    if (lease === undefined) return failed(id, answer, "get");
    granted = true;
    feed({ kind: "read", id, lease });
  }

  async function write(
    { base, id, record, withinMs }: ElectionAction & { kind: "write" },
  ): Promise<void> {
    const answer = await client.request({
      operation: `${base === undefined ? "create" : "update"} lease ${namespace}/${name}`,
      method: base === undefined ? "POST" : "PUT",
      path: base === undefined ? objectPath("Lease", namespace) : path,
      body: base === undefined
        ? encodeNewLease(record, namespace, name)
        : encodeLease(record, base),
      urgent: true,
      timeoutMs: withinMs,
    }, signal);
    const lease = leaseOf(answer);
    if (lease !== undefined) {
      granted = true;
      return feed({ kind: "written", id, lease });
    }
    const { status } = answer.kind === "failure" ? answer : { status: undefined };
    // 404: deleted since it was read.
    if (status === 409 || (status === 404 && base !== undefined)) {
      return feed({ kind: "conflict", id });
    }
    failed(id, answer, base === undefined ? "create" : "update");
  }

  function failed(id: number, answer: KubeAnswer, verb: string): void {
    if (signal.aborted) return;
    const error = answer.kind === "failure" ? answer.message : "the answer is no Lease";
    if (!granted && answer.kind === "failure" && isVerbForbidden(answer, verb)) {
      return goOnAlone(error);
    }
    if (mayComplain()) log.warn({ error }, "no word of the lease, trying again");
    feed({ kind: "failed", id });
  }

  function goOnAlone(error: string): void {
    log.warn(
      { error },
      "no leader election: the rights for leases lack; run one controller only, or grant get, " +
        "create, update and watch of leases",
    );
    clearTimeout(timer);
    watch.stop();
    const permit: Permit = { mayBegin: () => !signal.aborted, withinMs: 20_000 };
    change({ kind: "alone", permit, reason: "the rights for leases lack" });
    released.resolve();
  }

  function onSeen(lease: Lease): void {
    // A watch may lag behind what was read.
    const known = state.lease?.resourceVersion;
    if (known !== undefined && isOlder(lease.resourceVersion, known)) return;
    feed({ kind: "seen", lease });
  }

  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    watch.stop();
    released.resolve();
    ended.resolve();
  }, { once: true });
  // Never from within: the caller has nothing in hand yet.
  queueMicrotask(() => feed({ kind: "tick" }));
  return {
    get lead() {
      return lead;
    },
    async release() {
      feed({ kind: "stop" });
      const bound = setTimeout(() => released.resolve(), RELEASE_MS);
      await released.promise;
      clearTimeout(bound);
    },
    done: ended.promise,
  };
}

function holderOf(lease: Lease | undefined): string | undefined {
  return lease?.record.holder || undefined;
}

function leaseOf(answer: KubeAnswer): Lease | undefined {
  return answer.kind === "ok" ? decodeLease(answer.body) : undefined;
}

/** A role that lacks the verb, not an admission rule's refusal. */
function isVerbForbidden({ message, status }: KubeFailure, verb: string): boolean {
  return status === 403 && message.includes(`cannot ${verb} resource`);
}
