import type { ServiceFacts } from "../../model/facts.ts";
import { readService } from "../../model/service.ts";
import { keepConfig } from "../config/keeper.ts";
import { openInbox } from "../process/inbox.ts";
import type { RoleContext, RunningRole } from "../process/role.ts";
import { startLead } from "./lead.ts";
import { createLedger } from "./ledger.ts";
import { watchNamespaces } from "./namespaces.ts";
import { type ControllerEvent, createPlanner } from "./planner.ts";
import { createPoolMetrics } from "./pools.ts";
import { controllerStatus, unknownHere } from "./status.ts";
import { createStatusWriter } from "./status_writer.ts";
import { createStickyKeeper } from "./sticky.ts";

/**
 * Starts the controller: gives Services their addresses until the context's signal fires. Each part
 * uses only those above it and posts what happens; the planner takes it and decides.
 */
export function runController(role: RoleContext): RunningRole {
  const { clock, cluster, metrics, options: { gossipSecret, lbClass }, signal } = role;
  const context = { ...role, log: role.log.child({ component: "controller" }) };
  const inbox = openInbox<ControllerEvent>(clock, signal);
  const services = cluster.watch<ServiceFacts>({
    kind: "Service",
    read: readService,
    onChange: (change) => inbox.post({ kind: "service", change, at: clock.now() }),
  }, signal);
  const namespaces = watchNamespaces(cluster, () => inbox.post({ kind: "namespaces" }), signal);
  const ledger = createLedger(services, lbClass);
  const writer = createStatusWriter(context, {
    replan: (service) => inbox.post({ kind: "replan", service, at: clock.now() }),
    onRefused: ({ service }, error) => inbox.post({ kind: "refused", service, error }),
  });
  const lead = startLead(context, {
    idle: () => writer.idle(),
    catchUp: () => services.refresh(),
    onStart: () => inbox.post({ kind: "lead" }),
    onStop: () => inbox.now({ kind: "stop" }),
  });
  const keeper = keepConfig(context, {
    tell: lead.publishEvent,
    ready: () => services.synced,
    refuse: ledger.refusal,
    onChange: () => inbox.post({ kind: "config" }),
  });
  const sticky = createStickyKeeper(context, {
    wallMs: () => Date.now(),
    onLoad: () => inbox.post({ kind: "sticky" }),
  });
  const poolMetrics = createPoolMetrics(metrics, clock);
  metrics.allocator.onScrape = () => poolMetrics.show(ledger.book);
  const secret = gossipSecret && cluster.ensureGossipSecret(gossipSecret, signal);
  const parts = { inbox, keeper, lead, ledger, namespaces, poolMetrics, services, sticky, writer };
  inbox.open(createPlanner(context, parts));
  const notReady = () => [
    ...services.synced ? [] : [`the Services of ${cluster.description} are not all known yet`],
    ...keeper.current() ? [] : [`no configuration in force: ${keeper.status().reason ?? ""}`],
    ...namespaces.unknown()
      ? ["the labels of Namespaces are not known yet; may they be listed?"]
      : [],
  ];
  return {
    config: keeper,
    notReady,
    // An API server that is away is no reason to restart: what was given stays given.
    unhealthy: () => [],
    handOver: () => lead.handOver(),
    controller: () => ({
      ...controllerStatus(services.items, ledger.book, poolMetrics, keeper.current()),
      lead: lead.status(),
      unknown: unknownHere(
        services.items,
        ledger.book,
        keeper.current(),
        lead.status(),
        notReady(),
      ),
    }),
    done: Promise.all([services.done, keeper.done, lead.done, secret, namespaces.done]).then(() =>
      undefined
    ),
  };
}
