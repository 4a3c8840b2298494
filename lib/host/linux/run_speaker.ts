import type { Config } from "../../config/types.ts";
import type {
  NodeFacts,
  PodFacts,
  ServiceFacts,
  ServiceKey,
  SliceFacts,
} from "../../model/facts.ts";
import { readEndpointSlice, readNode, readPod } from "../../model/cluster.ts";
import { EVENT } from "../../model/names.ts";
import { readService } from "../../model/service.ts";
import { formatMac } from "../../net/ethernet.ts";
import { compareIp, formatIp, type Ip4 } from "../../net/ip.ts";
import type { SpeakerView } from "../../speaker/plan.ts";
import { createAnnouncements, warnOfSilentPools } from "../announcements.ts";
import type { Change, Watched } from "../cluster.ts";
import { keepConfig } from "../config_keeper.ts";
import type { RoleContext, RunningRole } from "../role.ts";
import { createSpeakerPlans, type KeptPlan } from "../speaker_plans.ts";
import type { SpeakerStatus } from "../status.ts";
import { type Bgp, startBgp } from "./bgp_driver.ts";
import { type Layer2, startLayer2 } from "./layer2_driver.ts";

/** A node that nobody described has its name, as the kubelet would label it. */
const HOST_LABEL = "kubernetes.io/hostname";

/** Starts the speaker: answers for the addresses this node owns until the context's signal fires. */
export async function runSpeaker(context: RoleContext): Promise<RunningRole> {
  const { cluster, metrics, options, signal } = context;
  const log = context.log.child({ component: "speaker", node: options.nodeName });
  const layer2 = await startLayer2({
    workerUrl: context.workers.packet,
    backend: options.arpBackend,
    log,
    metrics,
  }, signal);
  const { nodeName } = options;
  const bfdWorkerUrl = context.workers.bfd;
  const bgp = startBgp({ nodeName, bfdWorkerUrl, log, metrics }, signal);
  const plans = createSpeakerPlans();
  const announcements = createAnnouncements({
    node: nodeName,
    log,
    metrics,
    onOwned: tellOwner,
  });
  let scheduled = false;

  const keeper = keepConfig({ ...context, log }, {
    component: "metallb-speaker",
    refuse: () => undefined,
    onChange: (config) => {
      warnOfSilentPools(config, log);
      touch(() => plans.touchAll());
    },
  });
  const services = cluster.watch<ServiceFacts>({
    kind: "Service",
    read: readService,
    onChange: (change) => touch(() => plans.onService(change), change),
  }, signal);
  const slices = cluster.watch<SliceFacts>({
    kind: "EndpointSlice",
    read: readEndpointSlice,
    onChange: (change) => touch(() => plans.onSlice(change), change),
  }, signal);
  const nodes = cluster.watch<NodeFacts>({
    kind: "Node",
    read: readNode,
    onChange: (change) => touch(() => plans.touchAll(), change),
  }, signal);
  // Only an API server tells of pods; a store's speakers are its nodes.
  const pods: Watched<PodFacts> | undefined = options.mlLabels === undefined ||
      options.store !== undefined
    ? undefined
    : cluster.watch<PodFacts>({
      kind: "Pod",
      namespace: options.mlNamespace,
      labelSelector: options.mlLabels,
      read: readPod,
      onChange: (change) => touch(() => plans.touchAll(), change),
    }, signal);
  const watches = [services, slices, nodes, ...pods === undefined ? [] : [pods]];

  function touch(apply: () => void, change?: Change<unknown>): void {
    if (change !== undefined && change.kind !== "synced") metrics.updates.inc();
    apply();
    if (scheduled) return;
    scheduled = true;
    // What changes within one turn of the event loop is decided once.
    setTimeout(decide, 0);
  }

  function decide(): void {
    scheduled = false;
    const config = keeper.current();
    // From half a picture a node would take addresses that are another's.
    if (signal.aborted || config === undefined || watches.some(({ synced }) => !synced)) return;
    const view = viewOf(config);
    const { changed, gone } = plans.update(view);
    const routed = ({ ip, announce, protocol }: KeptPlan) =>
      [ip, announce && protocol === "bgp"] as const;
    const labels = view.nodes.get(nodeName)?.labels ?? new Map([[HOST_LABEL, nodeName]]);
    bgp.update(config, labels, [
      ...gone.map(({ ip }) => [ip, false] as const),
      ...changed.map(routed),
    ]);
    if (changed.length === 0 && gone.length === 0) return;
    layer2.setOwned(ownedIps());
    gone.forEach(announcements.forget);
    changed.forEach(announcements.report);
  }

  function viewOf(config: Config): SpeakerView {
    const { election, ignoreExcludeLabel, lbClass } = options;
    const liveSpeakers = speakersAlive(pods?.items);
    return {
      config,
      nodes: nodesByName(nodes.items),
      liveSpeakers,
      self: nodeName,
      election,
      ignoreExcludeLabel,
      lbClass,
    };
  }

  function ownedIps(): Ip4[] {
    const owned: Ip4[] = [];
    for (const { ip, announce, protocol } of plans.plans.values()) {
      if (announce && protocol === "layer2" && typeof ip === "number") owned.push(ip);
    }
    return owned;
  }

  function tellOwner(key: ServiceKey): void {
    const facts = services.items.get(key);
    if (facts === undefined) return;
    void cluster.publishEvent({
      about: { kind: "Service", namespace: facts.namespace, name: facts.name, uid: facts.uid },
      type: "Normal",
      reason: EVENT.nodeAssigned,
      message: `announcing from node "${nodeName}"`,
      component: "metallb-speaker",
    }, signal);
  }

  metrics.layer2.onScrape = () => layer2.exportCounters(ownedIps());
  return {
    config: keeper,
    notReady: () => [
      ...watches.every(({ synced }) => synced)
        ? []
        : [`not all objects of ${cluster.description} are known yet`],
      ...keeper.current() ? [] : [`no configuration in force: ${keeper.status().reason ?? ""}`],
      ...layer2.problem() === undefined ? [] : [`layer 2 does not work: ${layer2.problem()}`],
    ],
    unhealthy: () => layer2.stalled() ? ["the ARP Worker does not answer"] : [],
    speaker: () => speakerStatus(nodeName, plans.plans.values(), layer2, bgp),
    done: Promise.all([...watches.map(({ done }) => done), keeper.done, layer2.done, bgp.done])
      .then(() => undefined),
  };
}

/** The nodes of ready speakers; undefined where no pod matches, for then the labels tell nothing. */
function speakersAlive(pods: ReadonlyMap<string, PodFacts> | undefined): Set<string> | undefined {
  if (pods === undefined || pods.size === 0) return undefined;
  const alive = new Set<string>();
  for (const { ready, nodeName } of pods.values()) {
    if (ready && nodeName !== undefined) alive.add(nodeName);
  }
  return alive;
}

function nodesByName(items: ReadonlyMap<string, NodeFacts>): Map<string, NodeFacts> {
  return new Map([...items.values()].map((node) => [node.name, node]));
}

function speakerStatus(
  node: string,
  plans: Iterable<KeptPlan>,
  layer2: Layer2,
  bgp: Bgp,
): SpeakerStatus {
  return {
    node,
    backend: layer2.backend,
    interfaces: layer2.interfaces().map(({ name, mac }) => ({ name, mac: formatMac(mac) })),
    peers: bgp.status(),
    addresses: [...plans].sort((a, b) => compareIp(a.ip, b.ip)).map((plan) => ({
      ip: formatIp(plan.ip),
      services: plan.services,
      protocol: plan.protocol,
      owner: plan.owner,
      announcing: plan.announce,
      routes: plan.protocol === "bgp" && plan.announce ? bgp.routesOf(plan.ip) : [],
      reason: plan.reason,
    })),
  };
}
