import type { Config } from "../../config/types.ts";
import { isOurClass } from "../../model/service_class.ts";
import type { ServiceFacts } from "../../model/facts.ts";
import { withGiven } from "../../model/given.ts";
import { readService } from "../../model/service.ts";
import { type ConfigKeeper, keepConfig } from "../config/keeper.ts";
import { openInbox } from "../process/inbox.ts";
import type { Watched } from "../cluster/cluster.ts";
import type { RoleContext, RunningRole } from "../process/role.ts";
import { startLead } from "./lead.ts";
import { createLedger } from "./ledger.ts";
import { type NamespaceWatch, watchNamespaces } from "./namespaces.ts";
import { type ControllerEvent, createPlanner } from "./planner.ts";
import { createPoolMetrics } from "./pools.ts";
import { controllerStatus, unknownHere } from "./status.ts";
import { createRivals } from "./rivals.ts";
import { createStatusWriter } from "./status_writer.ts";
import { createStickyKeeper, type StickyKeeper } from "./sticky.ts";

/** All that the plan rests on: what is added here is read anew by who begins to lead. */
interface Inputs {
  readonly services: Pick<Watched<ServiceFacts>, "refresh">;
  readonly namespaces: Pick<NamespaceWatch, "refresh">;
  readonly sticky: Pick<StickyKeeper, "refresh">;
  readonly keeper: Pick<ConfigKeeper, "current" | "refresh">;
}

/** Reads everything anew; the configuration last, for it is judged by the others. */
async function readAnew({ keeper, namespaces, services, sticky }: Inputs): Promise<void> {
  sticky.refresh();
  await Promise.all([services.refresh(), namespaces.refresh(keeper.current())]);
  await keeper.refresh();
}

/** What is not known yet that a configuration needs, or by which it is judged. */
function lackingFor(
  config: Config,
  services: Pick<Watched<ServiceFacts>, "synced">,
  namespaces: Pick<NamespaceWatch, "readyFor">,
  sticky: Pick<StickyKeeper, "readyFor">,
): string | undefined {
  if (!services.synced) return "it waits until all Services are known";
  if (!namespaces.readyFor(config)) {
    return "it waits until the labels of Namespaces are known; may they be listed?";
  }
  if (sticky.readyFor(config)) return undefined;
  return "it waits until the addresses kept for deleted Services are known; may the ConfigMap " +
    "herald-sticky-addresses be read?";
}

/**
 * Starts the controller: gives Services their addresses until the context's signal fires. Each part
 * uses only those above it and posts what happens; the planner takes it and decides.
 */
export function runController(role: RoleContext): RunningRole {
  const { clock, cluster, metrics, options: { gossipSecret, lbClass }, signal } = role;
  const context = { ...role, log: role.log.child({ component: "controller" }) };
  const inbox = openInbox<ControllerEvent>(clock, signal);
  const rivals = createRivals((name) => inbox.post({ kind: "rival", name }));
  let known: ReadonlyMap<string, ServiceFacts> = new Map();
  const services = cluster.watch<ServiceFacts>({
    kind: "Service",
    read: (object) => {
      const facts = readService(object);
      if (facts?.isLoadBalancer && isOurClass(facts, lbClass)) rivals.look(object, facts);
      return facts && withGiven(facts, known.get(facts.key));
    },
    onChange(change) {
      if (change.kind === "delete") rivals.forget(change.previous.key);
      else if (change.kind === "synced") rivals.settled();
      inbox.post({ kind: "service", change, at: clock.now() });
    },
  }, signal);
  known = services.items;
  const namespaces = watchNamespaces(cluster, () => inbox.post({ kind: "namespaces" }), signal);
  const ledger = createLedger(services, lbClass);
  const writer = createStatusWriter(context, {
    replan: (service) => inbox.post({ kind: "replan", service, at: clock.now() }),
    onContested: (write) =>
      void cluster.statusManager(write.service, signal)
        .then((manager) => inbox.post({ kind: "contested", write, manager })),
    onRefused: ({ service }, error) => inbox.post({ kind: "refused", service, error }),
  });
  const lead = startLead(context, {
    nothingGiven: () =>
      services.synced && services.items.values().every(({ hasIngress }) => !hasIngress),
    idle: () => writer.idle(),
    catchUp: () => readAnew({ services, namespaces, sticky, keeper }),
    onStart: () => inbox.post({ kind: "lead" }),
    onStop: () => inbox.now({ kind: "stop" }),
  });
  const sticky = createStickyKeeper(context, {
    wallMs: () => Date.now(),
    onLoad: () => inbox.post({ kind: "sticky" }),
  });
  const keeper = keepConfig(context, {
    tell: lead.publishEvent,
    waitsFor: (config) => lackingFor(config, services, namespaces, sticky),
    refuse: ledger.refusal,
    onChange: () => inbox.post({ kind: "config" }),
  });
  const poolMetrics = createPoolMetrics(metrics, clock);
  metrics.allocator.onScrape = () => poolMetrics.show(ledger.book);
  const secret = gossipSecret && cluster.ensureGossipSecret(gossipSecret, signal);
  const parts = { inbox, keeper, lead, ledger, namespaces, poolMetrics, services, sticky, writer };
  inbox.open(createPlanner(context, parts));
  const notReady = () => [
    ...services.synced ? [] : [`the Services of ${cluster.description} are not all known yet`],
    ...keeper.current() ? [] : [`no configuration in force: ${keeper.status().reason ?? ""}`],
    ...sticky.unknown() ?? [],
    ...[lead.problem()].filter((problem) => problem !== undefined),
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
