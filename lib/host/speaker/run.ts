import type { Config } from "../../config/types.ts";
import { conflictText, STAYS } from "../../model/address_conflict.ts";
import type { NodeFacts, PodFacts, ServiceFacts, SliceFacts } from "../../model/facts.ts";
import { readNode, readPod, sharingSliceReader, speakersAlive } from "../../model/cluster.ts";
import { readService } from "../../model/service.ts";
import type { Ip } from "../../net/ip.ts";
import { labelsOf } from "../../speaker/candidates.ts";
import { withheld } from "../../speaker/plan.ts";
import { lostAnnouncements } from "../../speaker/withdrawals.ts";
import { createFlap, mayAnnounce, setUsable } from "../../speaker/flap.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import { createAnnouncements } from "./announcements.ts";
import { systemClock } from "../process/clock.ts";
import type { Change, Watched } from "../cluster/cluster.ts";
import { keepConfig } from "../config/keeper.ts";
import type { RoleContext, RunningRole } from "../process/role.ts";
import { createSpeakerPlans, type KeptPlan } from "./plans.ts";
import { startAddressProber } from "../linux/packet/address_prober.ts";
import { startBgp } from "../linux/bgp/bgp.ts";
import { startHandover } from "./handover.ts";
import { joinSpeakers } from "./join_speakers.ts";
import { startLayer2 } from "../linux/packet/layer2.ts";
import type { Membership } from "./membership.ts";
import { createSpeakerEvents } from "./events.ts";
import { speakerStatus } from "./status.ts";

/** A node that nobody described has its name, as the kubelet would label it. */
/** From the goodbye to the end. */
const FAREWELL_MS = 20;

/** Starts the speaker: answers for the addresses this node owns until the context's signal fires. */
export async function runSpeaker(context: RoleContext): Promise<RunningRole> {
  const { cluster, metrics, options, signal } = context;
  const { nodeName } = options;
  const log = context.log.child({ component: "speaker", node: nodeName });
  const flap = createFlap();
  let flapTimer: number | undefined;
  let leaving = false;
  // Who does not know the others yet would think itself alone and take everything.
  let acquainted = options.gossip === undefined;
  let informed = false;
  const events = createSpeakerEvents({
    cluster,
    node: nodeName,
    facts: (key) => services.items.get(key),
    servicesOn: (ip) => plans.plans.get(ip)?.services ?? [],
    problem: () => layer2.problem(),
  }, signal);
  const responder = await startLayer2({
    workerUrl: context.workers.packet,
    backend: options.arpBackend,
    interfaces: options.interfaces,
    log,
    metrics,
    onConflict: events.conflict,
    onInterfaces: () => judgeInterfaces(),
  }, signal);
  const prober = options.arpProbe
    ? startAddressProber({ layer2: responder, log, onTaken: events.taken, onVerdict }, signal)
    : undefined;
  const layer2 = prober ?? responder;
  const bfdWorkerUrl = context.workers.bfd;
  const bgp = startBgp({ nodeName, bfdWorkerUrl, log, metrics, clock: context.clock }, signal);
  const plans = createSpeakerPlans();
  const announcements = createAnnouncements({
    node: nodeName,
    log,
    metrics,
    onOwned: events.owner,
  });
  let membership: Membership | undefined = undefined;
  const handover = startHandover({
    nodeName,
    layer2,
    metrics: metrics.gossip,
    hasOthers: () => [...liveSpeakers() ?? []].some((name) => name !== nodeName),
    onHolders: (held, free) => {
      prober?.setHeld(held);
      prober?.setFree(free);
    },
    notify: (notice) => membership?.notify(notice) ?? Promise.resolve(),
  }, signal);
  let scheduled = false;

  const keeper = keepConfig({ ...context, log }, {
    component: "metallb-speaker",
    refuse: (config) => {
      const before = keeper.current();
      if (before === undefined) return undefined;
      const { lbClass } = options;
      const lost = lostAnnouncements(services.items.values(), before, config, lbClass);
      return lost.length === 0 ? undefined : conflictText(lost, STAYS);
    },
    onChange: () => touch(() => plans.touchAll()),
  });
  const services = cluster.watch<ServiceFacts>({
    kind: "Service",
    read: readService,
    onChange: (change) => touch(() => plans.onService(change), change),
  }, signal);
  const slices = cluster.watch<SliceFacts>({
    kind: "EndpointSlice",
    read: sharingSliceReader(),
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
      onChange: (change) => {
        membership?.candidatesChanged();
        touch(() => plans.touchAll(), change);
      },
    }, signal);
  const watches = [services, slices, nodes, ...pods === undefined ? [] : [pods]];
  membership = await joinSpeakers(context, log, layer2.lease, {
    pods: () => pods?.items,
    onChange: () => touch(() => plans.touchAll()),
    // What a fellow tells is carried out with what it changes, and only then acknowledged.
    onNotice: (from, notice, acknowledge) => {
      decide();
      handover.onNotice(from, notice);
      acknowledge();
    },
    onUp: () => handover.tellClaims(),
    onLost: (ready) => {
      handover.reset();
      acquainted = false;
      informed = false;
      judgeInterfaces();
      void ready.then(becomeAcquainted);
    },
  });
  if (membership !== undefined) layer2.requireLease();
  void membership?.ready.then(becomeAcquainted);
  judgeInterfaces();

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
    keeper.reconsider();
    const config = keeper.current();
    // From half a picture a node would take addresses that are another's.
    if (signal.aborted || leaving || config === undefined || !isInformed()) return;
    const isFirst = !informed;
    informed = true;
    // Now the others may count on this node.
    if (isFirst) judgeInterfaces();
    const view = viewOf(config);
    const { changed, gone } = plans.update(view);
    bgp.update(config, labelsOf(view.nodes, nodeName), [
      ...gone.map(({ ip }) => [ip, []] as const),
      ...changed.map(({ ip, announce }) => [ip, announce.bgp?.routes ?? []] as const),
    ]);
    // Fellows first: who is gone takes nothing over, and what was left to it is taken back.
    handover.setFellows(membership?.fellows() ?? new Set());
    handover.setPlans(isFirst ? [...plans.plans.values()] : changed, gone);
    gone.forEach(announcements.forget);
    changed.forEach(report);
  }

  /** An address that is held back is not announced, whatever the plan says. */
  function report(plan: KeptPlan): void {
    const reason = layer2.heldBack(plan.ip);
    announcements.report(reason === undefined ? plan : withheld(plan, reason));
  }

  function onVerdict(ip: Ip): void {
    const plan = plans.plans.get(ip);
    if (plan !== undefined) report(plan);
  }

  function becomeAcquainted(): void {
    acquainted = true;
    judgeInterfaces();
  }

  function isInformed(): boolean {
    return acquainted && keeper.current() !== undefined && watches.every(({ synced }) => synced);
  }

  function viewOf(config: Config): SpeakerView {
    const { election, ignoreExcludeLabel, lbClass } = options;
    return {
      config,
      nodes: nodesByName(nodes.items),
      liveSpeakers: liveSpeakers(),
      self: nodeName,
      election,
      ignoreExcludeLabel,
      lbClass,
    };
  }

  function liveSpeakers(): ReadonlySet<string> | undefined {
    const byPods = speakersAlive(pods?.items);
    if (membership === undefined) return byPods;
    const live = new Set(membership.live());
    // A ready speaker that gossip never reached counts as it does without gossip: two that cannot
    // talk then still name the same owner.
    const known = membership.known();
    for (const name of byPods ?? []) if (!known.has(name)) live.add(name);
    if (membership.problem() !== undefined) live.delete(nodeName);
    return live;
  }

  /** Tells the others when there is no interface to announce on, and when there is one again. */
  function judgeInterfaces(): void {
    clearTimeout(flapTimer);
    if (signal.aborted) return;
    const now = systemClock.now();
    setUsable(flap, layer2.interfaces().length > 0, now);
    const may = mayAnnounce(flap, now);
    membership?.setCanAnnounce(may === true && isInformed());
    if (typeof may === "number") flapTimer = setTimeout(judgeInterfaces, may - now);
    touch(() => plans.touchAll());
  }

  async function handOver(): Promise<void> {
    leaving = true;
    if (membership === undefined) return;
    await handover.leave();
    membership.leave();
    // MetalLB's speakers take over when they hear of it; the packets are on their way.
    await new Promise((resolve) => setTimeout(resolve, FAREWELL_MS));
  }

  function unknownKinds(): string[] {
    const missing = [
      services.synced ? undefined : "Services",
      slices.synced ? undefined : "EndpointSlices",
      nodes.synced ? undefined : "Nodes",
      pods === undefined || pods.synced ? undefined : "speakers' Pods",
    ].filter((kind) => kind !== undefined);
    return missing.length === 0 ? [] : [missing.join(", ")];
  }

  async function untilEnded(): Promise<void> {
    const parts = [...watches.map(({ done }) => done), keeper.done, layer2.done, bgp.done];
    try {
      await Promise.all(parts);
    } finally {
      clearTimeout(flapTimer);
      await membership?.[Symbol.asyncDispose]();
    }
  }

  metrics.layer2.onScrape = () => layer2.exportCounters(handover.answering());
  return {
    config: keeper,
    handOver,
    notReady: () => [
      ...unknownKinds().map((kinds) =>
        `the ${kinds} of ${cluster.description} are not all known yet`
      ),
      ...keeper.current() ? [] : [`no configuration in force: ${keeper.status().reason ?? ""}`],
      ...layer2.problem() === undefined ? [] : [`layer 2 does not work: ${layer2.problem()}`],
      ...acquainted ? [] : ["the other speakers are not known yet"],
      ...membership?.problem() === undefined ? [] : [membership.problem() ?? ""],
    ],
    unhealthy: () =>
      [
        layer2.workerProblem(),
        membership?.heartbeatProblem(),
        bgp.bfdProblem(),
      ].filter((problem) => problem !== undefined),
    speaker: () =>
      speakerStatus({
        node: nodeName,
        options,
        live: liveSpeakers(),
        plans: plans.plans.values(),
        layer2,
        bgp,
        membership,
      }),
    done: untilEnded(),
  };
}

function nodesByName(items: ReadonlyMap<string, NodeFacts>): Map<string, NodeFacts> {
  return new Map([...items.values()].map((node) => [node.name, node]));
}
