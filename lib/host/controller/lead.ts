import { unreachable } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { ClusterEvent, Lead, Permit } from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";
import type { LeadStatus } from "../../status/types.ts";

/** Whether this controller may give out addresses, and what follows from it. */
export interface ControllerLead {
  /** Permission to write, given once all earlier writes have been read back; undefined before. */
  permit(): Permit | undefined;
  /** Publishes an event; false where it does not lead: the leader tells what a standby would repeat. */
  publishEvent(event: ClusterEvent): boolean;
  status(): LeadStatus;
  /** Writes nothing from now on, and lets another lead as soon as nothing is under way. */
  handOver(): Promise<void>;
  readonly done: Promise<void>;
}

interface LeadHooks {
  /** Settles when no write is under way. */
  readonly idle: () => Promise<void>;
  /** Settles when everything that was written up to now has been seen. */
  readonly catchUp: () => Promise<void>;
  /** `permit()` is there now. */
  readonly onStart: () => void;
  /** Another may lead: what was planned counts no more. */
  readonly onStop: () => void;
}

interface Leading extends LeadHooks {
  readonly context: RoleContext;
  present: Permit | undefined;
  /** Counts the changes of the lead: what began in an earlier one is void. */
  term: number;
  leads: boolean;
  handedOver: boolean;
}

/** A write without an answer must not hold up the end of the process. */
const IDLE_MS: Millis = 500;
const UNBOUNDED: Permit = { mayBegin: () => true, withinMs: 20_000 };

/** Runs for leader, or goes on alone where no election is wanted, until the signal fires. */
export function startLead(context: RoleContext, hooks: LeadHooks): ControllerLead {
  const { cluster, log, metrics, options: { leaderElection }, signal } = context;
  const leading: Leading = {
    ...hooks,
    context,
    present: leaderElection === undefined ? UNBOUNDED : undefined,
    term: 0,
    leads: false,
    handedOver: false,
  };
  const permit = () => leading.handedOver ? undefined : leading.present;
  metrics.leader.set(leaderElection === undefined ? 1 : 0);
  if (leaderElection === undefined) {
    log.info({ reason: "--leader-elect=false" }, "no leader election, run one controller only");
  }
  const candidacy = leaderElection &&
    cluster.stand(leaderElection, (lead) => onLead(leading, lead), signal);

  return {
    permit,
    publishEvent(event) {
      const { present } = leading;
      if (present === undefined) return false;
      void cluster.publishEvent({ ...event, permit: present }, signal);
      return true;
    },
    status: () => leadStatus(candidacy?.lead),
    async handOver() {
      if (candidacy === undefined || candidacy.lead.kind === "alone") return;
      leading.handedOver = true;
      // With a write under way the lease must run out: another leader would not see that write.
      if (await isIdleSoon(leading)) await candidacy.release();
      else log.warn({}, "writes are under way, the lead is not handed over but runs out");
    },
    done: candidacy?.done ?? Promise.resolve(),
  };
}

function onLead(leading: Leading, lead: Lead): void {
  const { log, metrics } = leading.context;
  const term = ++leading.term;
  leading.present = undefined;
  if (leading.leads !== (lead.kind === "leader")) metrics.leaderTransitions.inc();
  leading.leads = lead.kind === "leader";
  metrics.leader.set(lead.kind === "standby" ? 0 : 1);
  switch (lead.kind) {
    case "leader":
      return void begin(leading, lead, term);
    case "standby":
      leading.onStop();
      if (lead.leader !== undefined) log.info({ leader: lead.leader }, "standing by");
      return;
    case "alone":
      leading.present = lead.permit;
      return leading.onStart();
    default:
      return unreachable(lead);
  }
}

async function begin(
  leading: Leading,
  { identity, permit }: Lead & { kind: "leader" },
  term: number,
): Promise<void> {
  const { clock, log, signal } = leading.context;
  const began = clock.now();
  // A request of an earlier term could still come through, and then be unknown here.
  await leading.idle();
  await leading.catchUp();
  const isOver = () => leading.term !== term || leading.handedOver;
  if (isOver() || signal.aborted || !permit.mayBegin()) return;
  const { withinMs } = permit;
  leading.present = { withinMs, mayBegin: () => !isOver() && permit.mayBegin() };
  const caughtUpMs = Math.round(clock.now() - began);
  log.info({ leader: identity, caughtUpMs }, "leading, this controller gives out the addresses");
  leading.onStart();
}

/** Whether no write is under way any more, within half a second. */
async function isIdleSoon({ context: { clock }, idle }: Leading): Promise<boolean> {
  const waited = new AbortController();
  let isIdle = false;
  void idle().then(() => {
    isIdle = true;
    waited.abort();
  });
  await clock.sleep(IDLE_MS, waited.signal);
  return isIdle;
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
