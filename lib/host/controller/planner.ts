import { unreachable } from "../../base/errors.ts";
import type { Instant } from "../../base/time.ts";
import type { Config } from "../../config/types.ts";
import type { AddressBook } from "../../controller/allocations.ts";
import { ipList } from "../../controller/actions.ts";
import { planBatch } from "../../controller/batch.ts";
import { isOurClass } from "../../model/service_class.ts";
import type { ServicePlan } from "../../controller/plan.ts";
import { nextExpiry } from "../../controller/sticky.ts";
import type { ServiceFacts, ServiceKey } from "../../model/facts.ts";
import { quoted } from "../../model/json.ts";
import { EVENT } from "../../model/names.ts";
import { formatIp } from "../../net/ip.ts";
import type { Change, ClusterEvent, Permit, StatusWrite, Watched } from "../cluster/cluster.ts";
import type { ConfigKeeper } from "../config/keeper.ts";
import type { Desk, Inbox } from "../process/inbox.ts";
import type { Log } from "../process/log.ts";
import type { RoleContext } from "../process/role.ts";
import { type AnnotationNotices, createAnnotationNotices } from "./annotation_notices.ts";
import type { ControllerLead } from "./lead.ts";
import type { Ledger } from "./ledger.ts";
import type { NamespaceWatch } from "./namespaces.ts";
import type { PoolMetrics } from "./pools.ts";
import type { StatusWriter } from "./status_writer.ts";
import type { StickyKeeper } from "./sticky.ts";

/** What the parts of the controller post. */
export type ControllerEvent =
  | { readonly kind: "service"; readonly change: Change<ServiceFacts>; readonly at: Instant }
  /** A status was not written: the Service needs a new plan by its newest facts. */
  | { readonly kind: "replan"; readonly service: ServiceKey; readonly at: Instant }
  /** The API server refuses a status for good. */
  | { readonly kind: "refused"; readonly service: StatusWrite["service"]; readonly error: string }
  /** Somebody else, `manager` where that is known, writes this status again and again. */
  | { readonly kind: "contested"; readonly write: StatusWrite; readonly manager?: string }
  /** The labels of Namespaces are known now, or others than before. */
  | { readonly kind: "namespaces" }
  /** Another configuration is in force, or the addresses kept earlier are known now. */
  | { readonly kind: "config" | "sticky" }
  /** A Herald, this one or another, has written a status by this name. */
  | { readonly kind: "rival"; readonly name: string }
  /** This controller may write from now on. */
  | { readonly kind: "lead" }
  /** Another controller may lead; comes by `now`, so that nothing is planned in between. */
  | { readonly kind: "stop" };

/** The parts of the controller that the planner works with. */
interface PlannerParts {
  readonly inbox: Pick<Inbox<ControllerEvent>, "wakeAt">;
  readonly keeper: Pick<ConfigKeeper, "current" | "reconsider" | "resume" | "tellStanding">;
  readonly lead: Pick<ControllerLead, "look" | "onRival" | "permit" | "publishEvent">;
  readonly ledger: Ledger;
  readonly namespaces: Pick<NamespaceWatch, "items" | "readyFor">;
  readonly poolMetrics: Pick<PoolMetrics, "note">;
  readonly services: Pick<Watched<ServiceFacts>, "items" | "synced">;
  readonly sticky: StickyKeeper;
  readonly writer: Pick<StatusWriter, "ask" | "forget" | "forgetAll">;
}

type PlannerContext = Pick<RoleContext, "clock" | "log" | "metrics" | "options">;

interface Planner extends PlannerParts, Omit<PlannerContext, "options"> {
  readonly lbClass: string | undefined;
  /** Services to plan, and since when each waits for it. */
  readonly changed: Map<ServiceKey, Instant>;
  readonly notices: AnnotationNotices;
  planAll: boolean;
  /** A Service changed, or all were read: one may have been why a configuration was refused. */
  servicesChanged: boolean;
  /** The lead came: what nobody was told before may have to be told now. */
  leadCame: boolean;
}

/** Plans the Services that changed, those of one turn of the event loop as one batch. */
export function createPlanner(
  { clock, log, metrics, options: { lbClass } }: PlannerContext,
  parts: PlannerParts,
): Desk<ControllerEvent> {
  const [changed, notices] = [new Map<ServiceKey, Instant>(), createAnnotationNotices()];
  const own = { clock, log, metrics, lbClass, changed, notices };
  const flags = { planAll: false, servicesChanged: false, leadCame: false };
  const planner: Planner = { ...parts, ...own, ...flags };
  return { take: (event) => take(planner, event), decide: () => decide(planner) };
}

function take(planner: Planner, event: ControllerEvent): void {
  switch (event.kind) {
    case "service":
      return onService(planner, event.change, event.at);
    case "replan":
      return noteChanged(planner, event.service, event.at);
    case "refused": {
      const message = `The status cannot be written, trying again every 30 s: ${event.error}`;
      const { service } = event;
      return tell(planner, { service, type: "Warning", reason: EVENT.internalError, message });
    }
    case "contested":
      return tellContested(planner, event.write, event.manager);
    case "namespaces":
      planner.planAll = true;
      return;
    case "config":
    case "sticky":
      return; // `decide` asks for them each time.
    case "lead":
      planner.leadCame = true;
      return;
    case "rival":
      return planner.lead.onRival(event.name);
    case "stop":
      planner.ledger.close();
      planner.leadCame = false;
      planner.sticky.refresh();
      planner.changed.clear();
      planner.writer.forgetAll();
      return planner.inbox.wakeAt(undefined);
    default:
      return unreachable(event);
  }
}

function tellContested(planner: Planner, write: StatusWrite, manager: string | undefined): void {
  const { service } = write;
  const who = manager === undefined ? "Another writer" : `The field manager ${quoted(manager)}`;
  const message = `${who} writes over the status, which shall show ${ipList(write.ips)}, again ` +
    "and again; it is put right each time, after 1 s, later after 30 s: end that writer (a MetalLB " +
    "that still runs? K3s' ServiceLB?), or give the Service a loadBalancerClass";
  planner.log.warn({ service: service.key, manager }, "another writer of the Service's status");
  tell(planner, { service, type: "Warning", reason: EVENT.statusContested, message });
}

function onService(planner: Planner, change: Change<ServiceFacts>, at: Instant): void {
  planner.servicesChanged = true;
  if (change.kind === "synced") return planner.lead.look();
  planner.metrics.updates.inc();
  const { key } = change.kind === "apply" ? change.value : change.previous;
  if (change.kind === "delete") {
    planner.writer.forget(key);
    planner.notices.forget(key);
  } else {
    for (const reason of change.value.warnings) {
      if (change.previous?.warnings.includes(reason)) continue;
      planner.log.warn({ service: key, reason }, "Service warning");
    }
  }
  noteChanged(planner, key, at);
}

function noteChanged({ changed, ledger }: Planner, key: ServiceKey, at: Instant): void {
  if (ledger.book !== undefined && !changed.has(key)) changed.set(key, at);
}

function decide(planner: Planner): void {
  const { inbox, keeper, lead, ledger, namespaces, services, sticky } = planner;
  reconsider(planner);
  const config = keeper.current();
  if (config === undefined) return;
  if (ledger.follow(config)) planner.planAll = true;
  const permit = lead.permit();
  if (permit === undefined || !services.synced) return;
  // Before all is known no address may be given: another Service could have it (rule A12).
  const ready = [namespaces.readyFor(config), sticky.readyFor(config)];
  if (ready.includes(false)) return;
  const book = openBook(planner, config);
  if (!permit.mayBegin()) return;
  planChanged(planner, book, permit);
  // What gave its addresses back just now may have been all that stood against a configuration.
  keeper.reconsider();
  sticky.note(book, permit);
  planner.poolMetrics.note(book);
  inbox.wakeAt(nextExpiry(book));
}

/**
 * Asks for a refused configuration again. Without a book only what the watch of Services tells can
 * be a reason: a controller that loses the lead has given addresses that it has not heard of yet.
 */
function reconsider(planner: Planner): void {
  const { keeper, ledger, services } = planner;
  keeper.resume();
  if (services.synced && (ledger.book !== undefined || planner.servicesChanged)) {
    keeper.reconsider();
    planner.servicesChanged = false;
  }
  if (planner.leadCame) keeper.tellStanding();
  planner.leadCame = false;
}

/** The book with all that is known; where that is more than before, everything is to be planned. */
function openBook(planner: Planner, config: Config): AddressBook {
  const { clock, ledger, namespaces, services, sticky } = planner;
  if (ledger.book !== undefined && !planner.planAll) return ledger.book;
  planner.planAll = false;
  const book = ledger.open(config);
  sticky.restore(book);
  book.namespaces = namespaces.items;
  for (const { key } of services.items.values()) noteChanged(planner, key, clock.now());
  return book;
}

function planChanged(planner: Planner, book: AddressBook, permit: Permit): void {
  const { changed, clock, lbClass, services, writer } = planner;
  const since = new Map(changed);
  changed.clear();
  const plans = planBatch(since.keys(), services.items, book, { lbClass, now: clock.now() });
  measure(planner, plans, since);
  const actions = plans.flatMap((plan) => plan.actions);
  // Addresses first: an event tells of them, it must not delay them.
  for (const action of actions) {
    if (action.kind !== "writeStatus") continue;
    const { service, ips, pool } = action;
    writer.ask({ service, ips, pool, permit });
  }
  for (const action of actions) if (action.kind === "event") tell(planner, action);
  for (const plan of plans) logDecision(planner.log, plan);
  for (const key of since.keys()) tellOfAnnotations(planner, services.items.get(key));
}

function tellOfAnnotations(planner: Planner, service: ServiceFacts | undefined): void {
  if (!service?.isLoadBalancer || !isOurClass(service, planner.lbClass)) return;
  for (const { message, reason } of planner.notices.about(service)) {
    tell(planner, { service, type: "Warning", reason, message });
  }
}

function measure(
  { clock, metrics }: Planner,
  plans: readonly ServicePlan[],
  since: ReadonlyMap<ServiceKey, Instant>,
): void {
  const now = clock.now();
  for (const { service, decision: { kind } } of plans) {
    const seen = since.get(service);
    if (seen === undefined || (kind !== "assigned" && kind !== "refused")) continue;
    metrics.allocator.allocation.observe((now - seen) / 1000);
  }
}

function logDecision(log: Log, { service, decision }: ServicePlan): void {
  if (decision.kind === "assigned") {
    const ip = decision.ips.map(formatIp).join(",");
    const { pool, lost } = decision;
    log.info({ service, ip, pool, reason: lost?.why }, "address assigned");
  } else if (decision.kind === "refused") {
    const { reason, message } = decision.refusal;
    log.warn({ service, reason, error: message }, "no address for the Service");
  } else {
    log.debug({ service, reason: decision.kind }, "Service planned");
  }
}

/** What a person should know of a Service. */
interface ServiceEvent extends Pick<ClusterEvent, "type" | "reason" | "message"> {
  readonly service: Pick<ServiceFacts, "namespace" | "name" | "uid">;
}

function tell({ lead }: Planner, event: ServiceEvent): void {
  const { service: { namespace, name, uid }, type, reason, message } = event;
  const about = { kind: "Service", namespace, name, uid } as const;
  lead.publishEvent({ about, type, reason, message, component: "metallb-controller" });
}
