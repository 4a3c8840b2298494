import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { refusalOf } from "../../speaker/withdrawals.ts";
import { keepConfig } from "../config/keeper.ts";
import { startBgp } from "../linux/bgp/bgp.ts";
import { startAddressProber, withoutProbes } from "../linux/packet/address_prober.ts";
import { startLayer2 } from "../linux/packet/layer2.ts";
import { giveProgramBack } from "../linux/program_pages.ts";
import { createPartWorker, type PartWorker } from "../linux/worker/link.ts";
import { openInbox } from "../process/inbox.ts";
import type { RoleContext, RunningRole } from "../process/role.ts";
import { type WatchdogStart, watchdogStart, withoutWatchdog } from "../process/watchdog.ts";
import { createAnnouncements } from "./announcements.ts";
import { bgpAnnouncer } from "./announcer.ts";
import { createSpeakerConcerns } from "./concerns.ts";
import { createDesk, type SpeakerEvent } from "./desk.ts";
import { createSpeakerEvents } from "./events.ts";
import { watchFacts } from "./facts.ts";
import { joinWithKey } from "./gossip_key.ts";
import { startHandover } from "./handover.ts";
import { watchMacsBeside } from "./macs_beside.ts";
import { createSpeakerPlans } from "./plans.ts";
import { notReady, speakerStatus } from "./status.ts";
import { showView } from "./view_metrics.ts";
import { wireOf } from "./wire.ts";

/** By then a start is over, but where there is very much to read. */
const STARTED_AFTER_MS: Millis = 5_000;

/**
 * Starts the speaker: answers for the addresses this node owns until the context's signal fires.
 * Each part uses only those above it and posts what happens; the desk at the end decides.
 */
export async function runSpeaker(given: RoleContext): Promise<RunningRole> {
  const { clock, cluster, metrics, options, options: { nodeName }, signal, workers } = given;
  const log = given.log.child({ component: "speaker", node: nodeName });
  const context: RoleContext = { ...given, log };
  const inbox = openInbox<SpeakerEvent>(clock, signal);
  const onWire = () => inbox.post({ kind: "wire" });
  const facts = watchFacts(context, inbox.post);
  const keeper = keepConfig(context, {
    refuse: (next, before) => refusalOf(facts.services().values(), before, next, options.lbClass),
    onChange: () => inbox.post({ kind: "config" }),
  });
  const plans = createSpeakerPlans();
  const events = createSpeakerEvents({
    cluster,
    node: nodeName,
    facts: (key) => facts.services().get(key),
    servicesOn: (ip) => plans.plans.get(ip)?.services ?? [],
  }, signal);
  const worker = createPartWorker(workers.timekeeper, "herald-time");
  const watchdog = await watchOver(worker, context);
  const responder = await startLayer2({
    ...context,
    worker,
    backend: options.arpBackend,
    interfaces: options.interfaces,
    onConflict: events.conflict,
    onInterfaces: (usable) => inbox.post({ kind: "interfaces", usable }),
  }, signal);
  const layer2 = !options.arpProbe ? withoutProbes(responder) : startAddressProber({
    layer2: responder,
    log,
    clock,
    onTaken: events.taken,
    onVerdict: onWire,
  }, signal);
  const bgp = startBgp({ ...context, nodeName, worker, onTold: onWire }, signal);
  const fellows = await joinWithKey(context, layer2, facts, inbox, worker);
  const handover = startHandover(
    { nodeName, layer2, fellows, clock, metrics: metrics.gossip, onAnswer: onWire },
    signal,
  );
  const onMacs = handover.setMacsBeside;
  watchMacsBeside({ fellows, facts, layer2, clock, log, onMacs }, signal);
  const announcements = createAnnouncements({ node: nodeName, log, metrics, events });
  const wire = () => wireOf({ layer2, handover, bgp });
  const telling = { clock, log, metrics, events };
  const concerns = createSpeakerConcerns({ ...telling, options, facts, fellows, handover });
  const known = { options, cluster, facts, keeper, plans, layer2, fellows, wire, concerns };
  const desk = createDesk({
    ...known,
    log,
    clock,
    inbox,
    handover,
    announcers: [bgpAnnouncer(bgp), handover],
    announcements,
  });
  inbox.open(desk);
  metrics.layer2.onScrape = () => layer2.exportCounters(handover.answering());
  const parts = { ...known, bgp, desk };
  metrics.speaker.onScrape = () => showView(parts, metrics.speaker);
  const callOff = clock.schedule(STARTED_AFTER_MS, giveProgramBack);
  signal.addEventListener("abort", callOff, { once: true });
  const done = Promise.all([facts.done, keeper.done, layer2.done, bgp.done, fellows.done]);
  return {
    config: keeper,
    handOver() {
      inbox.now({ kind: "leave" });
      return fellows.leave(handover.leave);
    },
    notReady: () => notReady(parts),
    unhealthy: () => {
      const all = [layer2.workerProblem(), fellows.heartbeatProblem(), bgp.bfdProblem()];
      return all.filter((problem) => problem !== undefined);
    },
    speaker: () => speakerStatus(parts),
    done: done.then(() => undefined).finally(() => fellows[Symbol.asyncDispose]())
      .finally(() => watchdog?.[Symbol.asyncDispose]()),
  };
}

/** Has the Worker end a process that hangs, where nobody else does. */
async function watchOver(
  worker: PartWorker,
  { feed, log }: RoleContext,
): Promise<AsyncDisposable | undefined> {
  if (feed === undefined) return undefined;
  try {
    const link = await worker.link<WatchdogStart, never, never>({
      name: "herald-watchdog",
      onNews: () => undefined,
    });
    link.tell(watchdogStart(feed));
    return link;
  } catch (error) {
    withoutWatchdog(log, errorText(error));
    return undefined;
  }
}
