import { unreachable } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Candidacy, ClusterEvent, Lead, Permit } from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";
import type { LeadStatus } from "../../status/types.ts";

/** Whether this controller may give out addresses, and what follows from it. */
export interface ControllerLead {
  /** The leave to write, once all that was written before it is known; else undefined. */
  permit(): Permit | undefined;
  /** Publishes an event while it leads; the leader tells what a standby would repeat. */
  publishEvent(event: ClusterEvent): Promise<void>;
  status(): LeadStatus;
  /** Writes nothing from now on, and lets another lead as soon as nothing is under way. */
  handOver(): Promise<void>;
  readonly done: Promise<void>;
}

export interface LeadHooks {
  /** Settles when no write is under way. */
  readonly idle: () => Promise<void>;
  /** Settles when everything that was written up to now has been seen. */
  readonly catchUp: () => Promise<void>;
  /** `permit()` is there now. */
  readonly onStart: () => void;
  /** Another may lead: what was planned counts no more. */
  readonly onStop: () => void;
}

/** A write without an answer must not hold up the end of the process. */
const IDLE_MS: Millis = 500;
const UNBOUNDED: Permit = { mayBegin: () => true, withinMs: 20_000 };

/** Stands for election, or goes on alone where none is wanted, until the context's signal fires. */
export function startLead(
  context: RoleContext,
  hooks: LeadHooks,
): ControllerLead {
  const { clock, cluster, metrics, options, signal } = context;
  const log = context.log.child({ component: "controller" });
  let present: Permit | undefined;
  let term = 0;
  let leads = false;
  let handedOver = false;
  let candidacy: Candidacy | undefined;

  function onLead(lead: Lead): void {
    const mine = ++term;
    present = undefined;
    if (leads !== (lead.kind === "leader")) metrics.leaderTransitions.inc();
    leads = lead.kind === "leader";
    metrics.leader.set(lead.kind === "standby" ? 0 : 1);
    switch (lead.kind) {
      case "leader":
        return void begin(lead, mine);
      case "standby":
        hooks.onStop();
        if (lead.leader !== undefined) log.info({ leader: lead.leader }, "standing by");
        return;
      case "alone":
        present = lead.permit;
        return hooks.onStart();
      default:
        return unreachable(lead);
    }
  }

  async function begin({ identity, permit }: Lead & { kind: "leader" }, mine: number) {
    const began = clock.now();
    // A request of an earlier term could still come through, and then be unknown here.
    await hooks.idle();
    await hooks.catchUp();
    if (term !== mine || signal.aborted || handedOver || !permit.mayBegin()) return;
    const { withinMs } = permit;
    present = {
      withinMs,
      mayBegin: () => term === mine && !handedOver && permit.mayBegin(),
    };
    const caughtUpMs = Math.round(clock.now() - began);
    log.info({ leader: identity, caughtUpMs }, "leading, this controller gives out the addresses");
    hooks.onStart();
  }

  if (options.leaderElection === undefined) {
    present = UNBOUNDED;
    metrics.leader.set(1);
    log.info({ reason: "--leader-elect=false" }, "no leader election, run one controller only");
  } else {
    metrics.leader.set(0);
    candidacy = cluster.stand(options.leaderElection, onLead, signal);
  }

  return {
    permit: () => handedOver ? undefined : present,
    async publishEvent(event) {
      if (present !== undefined) await cluster.publishEvent({ ...event, permit: present }, signal);
    },
    status: () => leadStatus(candidacy?.lead),
    async handOver() {
      if (candidacy === undefined || candidacy.lead.kind === "alone") return;
      handedOver = true;
      const waited = new AbortController();
      let idle = false;
      void hooks.idle().then(() => {
        idle = true;
        waited.abort();
      });
      await clock.sleep(IDLE_MS, waited.signal);
      // Who may still have a write under way lets the lease run out instead.
      if (idle) await candidacy.release();
      else log.warn({}, "writes are under way, the lead is not handed over but runs out");
    },
    done: candidacy?.done ?? Promise.resolve(),
  };
}

function leadStatus(lead: Lead | undefined): LeadStatus {
  switch (lead?.kind) {
    case undefined:
      return { role: "alone", reason: "--leader-elect=false" };
    case "alone":
      return { role: "alone", reason: lead.reason };
    case "leader":
      return { role: "leader", leader: lead.identity };
    case "standby":
      return { role: "standby", leader: lead.leader };
  }
}
