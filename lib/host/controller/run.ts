import type { Instant } from "../../base/time.ts";
import type { Config } from "../../config/types.ts";
import type { AddressBook } from "../../controller/allocations.ts";
import { planBatch } from "../../controller/batch.ts";
import type { ControllerAction } from "../../controller/actions.ts";
import { isOurClass, type ServicePlan } from "../../controller/plan.ts";
import { checkGiven, checkReconfiguration, reconfigure } from "../../controller/reconfigure.ts";
import { restore } from "../../controller/restore.ts";
import { conflictText, NOTHING_GIVEN, STAYS } from "../../model/address_conflict.ts";
import type { ServiceFacts, ServiceKey } from "../../model/facts.ts";
import { EVENT } from "../../model/names.ts";
import { readService } from "../../model/service.ts";
import { formatIp } from "../../net/ip.ts";
import type { Change, ClusterEvent, Permit } from "../cluster/cluster.ts";
import { startLead } from "./lead.ts";
import { keepConfig } from "../config/keeper.ts";
import { controllerStatus } from "./status.ts";
import { createDeprecations } from "./deprecations.ts";
import type { RoleContext, RunningRole } from "../process/role.ts";
import { createPoolMetrics } from "./pools.ts";
import { watchNamespaces } from "./namespaces.ts";
import { createStatusWriter } from "./status_writer.ts";
import { createStickyKeeper } from "./sticky.ts";

/** What a person should know of a Service. */
interface ServiceEvent extends Pick<ClusterEvent, "type" | "reason" | "message"> {
  readonly service: Pick<ServiceFacts, "namespace" | "name" | "uid">;
}

/** Starts the controller: gives Services their addresses until the context's signal fires. */
export function runController(context: RoleContext): RunningRole {
  const { clock, cluster, metrics, options, signal } = context;
  const log = context.log.child({ component: "controller" });
  /** Services to plan, and since when each waits for it. */
  const changed = new Map<ServiceKey, Instant>();
  const deprecations = createDeprecations();
  let book: AddressBook | undefined;
  let scheduled = false;

  const writer = createStatusWriter({
    cluster,
    log,
    metrics,
    clock,
    replan: (key) => plan([key]),
    onRefused: ({ service }, error) => {
      const message = `The status cannot be written, trying again every 30 s: ${error}`;
      tell({ service, type: "Warning", reason: EVENT.internalError, message });
    },
  }, signal);
  const pools = createPoolMetrics(metrics, clock);
  const sticky = createStickyKeeper({
    cluster,
    log,
    clock,
    wallMs: () => Date.now(),
    onLoad: planKnown,
    onExpiry: schedule,
  }, signal);
  const namespaces = watchNamespaces(cluster, planKnown, signal);
  // What nobody was told because nobody led yet.
  let untold: ClusterEvent | undefined;
  const publishing = {
    ...cluster,
    publishEvent: (event: ClusterEvent) => {
      untold = lead.permit() === undefined ? event : undefined;
      return lead.publishEvent(event);
    },
  };
  const keeper = keepConfig({ ...context, cluster: publishing }, {
    component: "metallb-controller",
    ready: () => services.synced,
    refuse: (config) => {
      const present = book ?? standbyBook();
      const conflicts = present === undefined
        ? checkGiven(services.items.values(), config, options.lbClass)
        : checkReconfiguration(present, config);
      if (conflicts.length === 0) return undefined;
      return conflictText(conflicts, present === undefined ? NOTHING_GIVEN : STAYS);
    },
    onChange: (config) => {
      if (book !== undefined) reconfigure(book, config);
      planKnown();
    },
  });
  const secret = options.gossipSecret && cluster.ensureGossipSecret(options.gossipSecret, signal);
  const services = cluster.watch<ServiceFacts>({
    kind: "Service",
    read: readService,
    onChange: onService,
  }, signal);

  const lead = startLead(context, {
    idle: () => writer.idle(),
    catchUp: () => services.refresh(),
    onStart: () => {
      if (untold !== undefined && keeper.status().state !== "loaded") {
        void lead.publishEvent(untold);
      }
      planKnown();
    },
    onStop: () => {
      book = undefined;
      sticky.forget();
      changed.clear();
      writer.forgetAll();
    },
  });

  /** What a leader holds by now: a standby refuses the configurations that the leader refuses. */
  function standbyBook(): AddressBook | undefined {
    const config = keeper.current();
    if (!services.synced || config === undefined) return undefined;
    return restore(services.items.values(), config, options.lbClass);
  }

  function onService(change: Change<ServiceFacts>): void {
    if (change.kind === "synced") {
      keeper.reconsider();
      return book === undefined ? planKnown() : undefined;
    }
    metrics.updates.inc();
    const key = change.kind === "apply" ? change.value.key : change.previous.key;
    if (change.kind === "delete") {
      writer.forget(key);
      deprecations.forget(key);
    }
    if (change.kind === "apply") {
      for (const reason of change.value.warnings) {
        if (!change.previous?.warnings.includes(reason)) {
          log.warn({ service: key, reason }, "Service warning");
        }
      }
    }
    plan([key]);
    // A configuration that was refused for this Service's sake may come into force now.
    schedule();
  }

  /** Whether all is known that decides who gets which address (rule A12). */
  function isReady(config: Config | undefined): config is Config {
    if (!services.synced || config === undefined || lead.permit() === undefined) return false;
    return [namespaces.readyFor(config), sticky.readyFor(config)].every((ready) => ready);
  }

  /** Before all is known no address may be given: another Service could have it. */
  function planKnown(): void {
    const config = keeper.current();
    if (!isReady(config)) return;
    book ??= restore(services.items.values(), config, options.lbClass);
    sticky.restore(book);
    book.namespaces = namespaces.items;
    plan([...services.items.values()].map(({ key }) => key));
  }

  /** Gathers what changes within one turn of the event loop: a burst is planned as one batch. */
  function plan(keys: readonly ServiceKey[]): void {
    if (book === undefined || signal.aborted) return;
    for (const key of keys) if (!changed.has(key)) changed.set(key, clock.now());
    if (changed.size > 0) schedule();
  }

  function schedule(): void {
    if (scheduled || signal.aborted) return;
    scheduled = true;
    setTimeout(planChanged, 0);
  }

  function planChanged(): void {
    scheduled = false;
    if (services.synced) keeper.reconsider();
    const permit = lead.permit();
    if (book === undefined || signal.aborted || permit?.mayBegin() !== true) return;
    if (!isReady(keeper.current())) return;
    const since = new Map(changed);
    changed.clear();
    const now = clock.now();
    const plans = planBatch(since.keys(), services.items, book, { lbClass: options.lbClass, now });
    measure(plans, since);
    const actions = plans.flatMap((plan) => plan.actions);
    // Addresses first: an event tells of them, it must not delay them.
    for (const action of actions) if (action.kind === "writeStatus") write(action, permit);
    for (const action of actions) if (action.kind === "event") tell(action);
    for (const one of plans) logDecision(one);
    tellDeprecated(since.keys());
    sticky.note(book, permit);
    pools.note(book);
  }

  function measure(plans: readonly ServicePlan[], since: ReadonlyMap<ServiceKey, Instant>): void {
    const now = clock.now();
    for (const { service, decision: { kind } } of plans) {
      const seen = since.get(service);
      if (seen === undefined || (kind !== "assigned" && kind !== "refused")) continue;
      metrics.allocator.allocation.observe((now - seen) / 1000);
    }
  }

  function tellDeprecated(keys: Iterable<ServiceKey>): void {
    for (const key of keys) {
      const service = services.items.get(key);
      if (!service?.isLoadBalancer || !isOurClass(service, options.lbClass)) continue;
      const message = deprecations.messageFor(service);
      const reason = EVENT.deprecatedAnnotation;
      if (message !== undefined) tell({ service, type: "Warning", reason, message });
    }
  }

  function write(
    { service, ips, pool }: ControllerAction & { kind: "writeStatus" },
    permit: Permit,
  ): void {
    writer.ask({ service, ips, pool, permit });
  }

  function tell({ service, type, reason, message }: ServiceEvent): void {
    const { namespace, name, uid } = service;
    void lead.publishEvent({
      about: { kind: "Service", namespace, name, uid },
      type,
      reason,
      message,
      component: "metallb-controller",
    });
  }

  function logDecision({ service, decision }: ServicePlan): void {
    if (decision.kind === "assigned") {
      const ip = decision.ips.map(formatIp).join(",");
      log.info(
        { service, ip, pool: decision.pool, reason: decision.lost?.why },
        "address assigned",
      );
    } else if (decision.kind === "refused") {
      const { reason, message } = decision.refusal;
      log.warn({ service, reason, error: message }, "no address for the Service");
    } else {
      log.debug({ service, reason: decision.kind }, "Service planned");
    }
  }

  metrics.allocator.onScrape = () => pools.show(book);
  return {
    config: keeper,
    notReady: () => [
      ...services.synced ? [] : [`the Services of ${cluster.description} are not all known yet`],
      ...keeper.current() ? [] : [`no configuration in force: ${keeper.status().reason ?? ""}`],
      ...namespaces.unknown()
        ? ["the labels of Namespaces are not known yet; may they be listed?"]
        : [],
    ],
    // An API server that is away is no reason to restart: what was given stays given.
    unhealthy: () => [],
    handOver: () => lead.handOver(),
    controller: () => ({
      ...controllerStatus(
        services.items,
        book,
        book === undefined ? [] : pools.read(book),
        keeper.current(),
      ),
      lead: lead.status(),
    }),
    done: Promise.all([services.done, keeper.done, lead.done, secret, namespaces.done]).then(() =>
      undefined
    ),
  };
}
