import { unreachable } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import {
  type Candidacy,
  type ClusterEvent,
  type Lead,
  leadingWriter,
  loneWriter,
  type Permit,
} from "../cluster/cluster.ts";
import type { RoleContext } from "../process/role.ts";
import { LEADING_WRITER, WRITER } from "../../model/status_manager.ts";
import type { LeadStatus } from "../../status/types.ts";

/** Whether this controller may give out addresses, and what follows from it. */
export interface ControllerLead {
  /** Permission to write, given once all earlier writes have been read back; undefined before. */
  permit(): Permit | undefined;
  /** Publishes an event; false where it does not lead: the leader tells what a standby would repeat. */
  publishEvent(event: ClusterEvent): boolean;
  status(): LeadStatus;
  /** Why this one is of no use as it stands, for readiness; undefined where it is. */
  problem(): string | undefined;
  /** Another Herald has just written by this name: one of the two falls silent. */
  onRival(name: string): void;
  /** What the hook `nothingGiven` says may have changed. */
  look(): void;
  /** Writes nothing from now on, and lets another lead as soon as nothing is under way. */
  handOver(): Promise<void>;
  readonly done: Promise<void>;
}

interface LeadParts {
  /** Whether it is known that no Service has an address. */
  readonly nothingGiven: () => boolean;
  /** Settles when no write is under way. */
  readonly idle: () => Promise<void>;
  /** Settles when everything that was written up to now has been seen. */
  readonly catchUp: () => Promise<void>;
  /** `permit()` is there now. */
  readonly onStart: () => void;
  /** Another may lead: what was planned counts no more. */
  readonly onStop: () => void;
}

/** A lead, or what stands for it where nobody elects. */
interface Own {
  readonly permit: Permit;
  readonly reason: string;
}

interface Leading extends LeadParts {
  readonly context: RoleContext;
  /** What this one may do as long as it sees no other Herald write. */
  own: Own | undefined;
  /** The other Herald that this one is silent for. */
  rival: string | undefined;
  /** Calls off the end of that silence. */
  goOnSilent: () => void;
  present: Permit | undefined;
  /** Counts the changes of the lead: what began in an earlier one is void. */
  term: number;
  /** The change of the lead since which what stands has not been told for long. */
  lateTerm: number | undefined;
  leads: boolean;
  handedOver: boolean;
}

/** A write without an answer must not hold up the end of the process. */
const IDLE_MS: Millis = 500;
/** A list is answered by then, also where there is much to tell. */
const LATE_MS: Millis = 5_000;
const LATE_TEXT = "the API server answers no list of what stands: nothing is given before it does";
/** A rival that has not been seen to write for so long may be gone; half as much again by chance. */
const SILENT_MS: Millis = 5 * 60_000;

/** Runs for leader, or goes on alone where no election is wanted, until the signal fires. */
export function startLead(context: RoleContext, parts: LeadParts): ControllerLead {
  const { cluster, log, metrics, options: { leaderElection }, signal } = context;
  const alone = leaderElection === undefined ? unbounded(context) : undefined;
  const own = alone && { permit: alone, reason: "--leader-elect=false" };
  const leading: Leading = {
    ...parts,
    context,
    own,
    rival: undefined,
    goOnSilent: () => {},
    present: alone && { ...alone, mayBegin: () => alone.mayBegin() && leading.rival === undefined },
    term: 0,
    lateTerm: undefined,
    leads: false,
    handedOver: false,
  };
  const permit = () => leading.handedOver ? undefined : leading.present;
  metrics.leader.set(leaderElection === undefined ? 1 : 0);
  if (leaderElection === undefined) {
    log.info({ reason: "--leader-elect=false" }, "no leader election, run one controller only");
  }
  const candidacy = leaderElection &&
    cluster.stand(leaderElection, {
      onChange: (lead) => onLead(leading, lead),
      nothingGiven: parts.nothingGiven,
    }, signal);
  signal.addEventListener("abort", () => leading.goOnSilent(), { once: true });
  metrics.onScrapeElection = () =>
    metrics.electionRefused.set(candidacy?.refusal === undefined ? 0 : 1);

  return {
    permit,
    publishEvent(event) {
      const { present } = leading;
      if (present === undefined) return false;
      void cluster.publishEvent({ ...event, permit: present }, signal);
      return true;
    },
    status: () => leadStatus(candidacy?.lead, leading.rival),
    problem: () => problemOf(leading, candidacy),
    onRival: (name) => onRival(leading, name),
    look: () => candidacy?.look?.(),
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
  leading.present = leading.own = leading.rival = undefined;
  if (leading.leads !== (lead.kind === "leader")) metrics.leaderTransitions.inc();
  leading.leads = lead.kind === "leader";
  metrics.leader.set(lead.kind === "standby" ? 0 : 1);
  switch (lead.kind) {
    case "leader":
      leading.own = ownOf(leading, lead);
      return void begin(leading, leading.own, term);
    case "standby":
      leading.onStop();
      if (lead.leader !== undefined) log.info({ leader: lead.leader }, "standing by");
      return;
    case "alone":
      leading.own = lead;
      return void begin(leading, lead, term);
    default:
      return unreachable(lead);
  }
}

function ownOf({ context }: Leading, { identity, permit }: Lead & { kind: "leader" }): Own {
  const { leaderElection: election } = context.options;
  const writer = election && leadingWriter(election);
  return {
    permit: { withinMs: permit.withinMs, mayBegin: permit.mayBegin, writer },
    reason: identity,
  };
}

async function begin(leading: Leading, own: Own, term: number): Promise<void> {
  const { permit, reason } = own;
  const { clock, log, signal } = leading.context;
  const began = clock.now();
  // A request of an earlier term could still come through, and then be unknown here.
  const isOver = () => leading.term !== term || leading.handedOver || signal.aborted;
  const callOff = clock.schedule(LATE_MS, () => {
    if (isOver()) return;
    leading.lateTerm = term;
    log.warn({ leader: reason, ms: LATE_MS }, LATE_TEXT);
  });
  signal.addEventListener("abort", callOff, { once: true });
  await leading.idle();
  await leading.catchUp();
  callOff();
  signal.removeEventListener("abort", callOff);
  if (isOver() || !permit.mayBegin()) return;
  const { withinMs } = permit;
  leading.present = {
    ...permit,
    withinMs,
    mayBegin: () => !isOver() && permit.mayBegin(),
  };
  const caughtUpMs = Math.round(clock.now() - began);
  log.info({ leader: reason, caughtUpMs }, "leading, this controller gives out the addresses");
  leading.onStart();
}

function unbounded({ signal }: RoleContext): Permit {
  const writer = loneWriter(crypto.randomUUID().slice(-12));
  return { mayBegin: () => !signal.aborted, withinMs: 20_000, writer };
}

/**
 * Nothing but this rule stands between two that write without election, or lead by a Lease each: the
 * later name is silent until it has seen nothing of the other for minutes.
 */
function onRival(leading: Leading, name: string): void {
  const { own, context: { clock, log, metrics, signal } } = leading;
  if (own?.permit.writer === undefined || name >= own.permit.writer) return;
  // An older Herald that led by the same Lease wrote so too, and its last writes are seen late.
  if (name === WRITER && own.permit.writer.startsWith(LEADING_WRITER)) return;
  if (leading.present === undefined && leading.rival === undefined) return;
  if (leading.rival === undefined) {
    log.warn(
      { reason: `another controller writes too, as ${name}` },
      "no election keeps two from writing: this one is silent",
    );
    leading.present = undefined;
    metrics.leader.set(0);
    leading.onStop();
  }
  leading.rival = name;
  const term = ++leading.term;
  leading.goOnSilent();
  leading.goOnSilent = clock.schedule(SILENT_MS * (1 + clock.random() / 2), () => {
    if (leading.term !== term || signal.aborted) return;
    leading.rival = undefined;
    metrics.leader.set(1);
    const again = { ...own, reason: "nobody else writes any more" };
    void begin(leading, again, term);
  });
}

function problemOf(
  { context, lateTerm, present, rival, term }: Leading,
  candidacy: Candidacy | undefined,
): string | undefined {
  if (rival !== undefined) {
    return `another controller writes too, as ${rival}, and no election decides between the two: ` +
      "run one only, or have both stand for one Lease, with get, create, update and watch of it";
  }
  if (lateTerm === term && present === undefined) return LATE_TEXT;
  const { leaderElection: election } = context.options;
  if (candidacy?.lead.kind !== "standby" || candidacy.refusal === undefined) return undefined;
  return `the Lease ${election?.namespace}/${election?.name} is refused: ${candidacy.refusal}`;
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

function leadStatus(lead: Lead | undefined, rival: string | undefined): LeadStatus {
  if (rival !== undefined) return { role: "standby", leader: rival };
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
