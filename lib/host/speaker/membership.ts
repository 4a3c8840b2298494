import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { piecesOf } from "../../heartbeat/notice.ts";
import type { Notice } from "../../heartbeat/packet.ts";
import { formatIp } from "../../net/ip.ts";
import {
  createLiveness,
  HEAR_MS,
  judge,
  type Liveness,
  liveNodes,
  onCanAnnounce,
  onDown,
  onUp,
  setMembers,
  type Verdict,
} from "../../speaker/liveness.ts";
import type { Gossip } from "../gossip/gossip.ts";
import { readAnnouncement } from "../../gossip/meta.ts";
import type { Heartbeat } from "../linux/heartbeat/heartbeat.ts";
import type { HeartbeatNews, HeartbeatTarget } from "../linux/heartbeat/orders.ts";
import { oncePerCause } from "../process/backoff.ts";
import type { Inbox } from "../process/inbox.ts";
import type { RoleContext } from "../process/role.ts";
import type { FellowEvent, Fellows } from "./fellows.ts";

/** After a pause the notices that waited are read before replies leave again. */
const RESUME_AFTER_MS: Millis = 20;
const LOOK_MS: Millis = 10;
/** After a pause this long others own our addresses and gossip may have declared us dead: start from nothing. */
const LONG_PAUSE_MS: Millis = 500;
/** Of each cause of refused beats one line in this time. */
const TELL_MS: Millis = 60_000;
/** From the goodbye to the end: MetalLB's speakers take over when they hear of it. */
const FAREWELL_MS: Millis = 20;

const STATE_TEXT: Partial<Record<Verdict, string>> = {
  heard: "up",
  missed: "gone",
  "cannot announce": "cannot announce",
};

/** What heartbeat and gossip tell a membership. */
export type MemberNews =
  | HeartbeatNews
  /** Gossip knows something new. */
  | { readonly kind: "members" }
  /** The heartbeat ended unasked. */
  | { readonly kind: "fault"; readonly error: Error };

export interface MembershipOptions {
  readonly context: RoleContext;
  readonly inbox: Pick<Inbox<FellowEvent>, "post" | "now">;
  readonly heartbeat: Heartbeat;
  readonly gossip: Gossip;
}

/** Gossip and heartbeat as one set of fellows. */
export interface Membership extends Fellows {
  take(news: MemberNews): void;
}

/** This node among the speakers; only the functions below touch it. */
interface State extends MembershipOptions {
  readonly liveness: Liveness;
  readonly mayTellRefused: (reason: string) => boolean;
  /** Notices on their way, by id. */
  readonly unsettled: Map<number, () => void>;
  lastNotice: number;
  /** Why the heartbeat ended. */
  fault: string | undefined;
  /** As the heartbeat was last told them. */
  targets: string;
  /** Calls off the look at members that are not heard by then. */
  forgetUnheard: () => void;
}

/** Begins to become acquainted with those that gossip finds. Ends heartbeat and gossip with itself. */
export function createMembership(options: MembershipOptions): Membership {
  const { context: { clock, options: { nodeName }, signal }, heartbeat, gossip } = options;
  const liveness = createLiveness(nodeName);
  const state: State = {
    ...options,
    liveness,
    mayTellRefused: oncePerCause(TELL_MS, clock.now),
    unsettled: new Map(),
    lastNotice: 0,
    fault: undefined,
    targets: "",
    forgetUnheard: () => undefined,
  };
  const judged = (pods?: ReadonlySet<string>) =>
    judge(liveness, { known: gossip.members(), pods }, clock.now());
  void becomeAcquainted(state, gossip.joined);
  return {
    take(news) {
      take(state, news);
      options.context.metrics.gossip.heartbeatPeers.set(liveness.up.size);
    },
    live: (readyPods) => liveNodes(judged(readyPods)),
    heard: () => liveness.up,
    describe() {
      const verdicts = judged();
      return [...gossip.members().values()].map((member) => ({
        node: member.name,
        address: formatIp(member.address),
        state: STATE_TEXT[verdicts.get(member.name) ?? "not in gossip"] ?? member.state,
      }));
    },
    setCanAnnounce(canAnnounce) {
      liveness.fitness.canAnnounce = canAnnounce;
      heartbeat.tell({ kind: "can-announce", canAnnounce });
    },
    notify: async (notice) => {
      await Promise.all(piecesOf(notice).map((piece) => notify(state, piece)));
    },
    podsChanged: () => gossip.joinSoon(),
    async leave(handOver) {
      await handOver();
      liveness.fitness.leaving = true;
      gossip.leave();
      await clock.sleep(FAREWELL_MS, signal);
    },
    problem: () => liveness.fitness.problem,
    heartbeatProblem: () => heartbeat.problem(),
    async [Symbol.asyncDispose]() {
      state.forgetUnheard();
      for (const settle of state.unsettled.values()) settle();
      await gossip[Symbol.asyncDispose]();
      await heartbeat[Symbol.asyncDispose]();
    },
  };
}

/** Takes over what gossip tells: members that beat are watched, by what they say of themselves. */
function onMembers(state: State): void {
  const { context: { clock, options }, gossip, heartbeat, inbox, liveness } = state;
  liveness.fitness.problem = state.fault ?? refusalText(options.nodeName, gossip.rival());
  const alive = gossip.alive();
  const targets: HeartbeatTarget[] = [];
  for (const [name, { address, meta }] of gossip.members()) {
    const announced = alive.has(name) ? readAnnouncement(meta) : undefined;
    if (announced === undefined) continue;
    const { port, boot } = announced;
    targets.push({ name, address, port, boot });
  }
  setMembers(liveness, alive, new Set(targets.map(({ name }) => name)), clock.now());
  inbox.post({ kind: "members" });
  const key = JSON.stringify(targets, (_, value) => typeof value === "bigint" ? `${value}` : value);
  if (key === state.targets) return;
  state.targets = key;
  state.forgetUnheard();
  state.forgetUnheard = clock.schedule(HEAR_MS + 1, () => inbox.post({ kind: "members" }));
  heartbeat.tell({ kind: "targets", targets });
}

/** Why the others do not count on this node; undefined when they do. */
function refusalText(nodeName: string, rival: ReturnType<Gossip["rival"]>): string | undefined {
  if (rival === undefined) return undefined;
  const where = formatIp(rival.address);
  return rival.isDead
    ? `the other speakers knew ${nodeName} at ${where}; they take its new address half a minute after they miss the old one`
    : `another speaker has the node name ${nodeName}, at ${where}; set --node-name`;
}

function take(state: State, news: MemberNews): void {
  const { context: { log, metrics: { gossip: metrics } }, gossip, inbox, liveness } = state;
  switch (news.kind) {
    case "members":
      return onMembers(state);
    case "fault":
      state.fault = liveness.fitness.problem = errorText(news.error);
      log.error(
        { error: state.fault },
        "the heartbeat ended: this node answers no more",
      );
      return inbox.post({ kind: "members" });
    case "up":
      if (liveness.down.has(news.name)) log.info({ speaker: news.name }, "speaker is heard again");
      onUp(liveness, news.name);
      return inbox.post({ kind: "fellow-up" });
    case "down":
      onDown(liveness, news.name);
      metrics.heartbeatDowns.inc();
      metrics.silence.observe(news.silentMs / 1000);
      log.warn({ speaker: news.name, silentMs: Math.round(news.silentMs) }, "speaker is gone");
      return inbox.post({ kind: "members" });
    case "can-announce":
      onCanAnnounce(liveness, news.name, news.canAnnounce);
      return inbox.post({ kind: "members" });
    case "notice":
      return onNotice(state, news.name, news.id, news.notice);
    case "settled":
      if (news.missing.length > 0) log.debug({ speakers: news.missing.join() }, "notice not heard");
      state.unsettled.get(news.id)?.();
      state.unsettled.delete(news.id);
      return;
    case "stranger":
      return gossip.ask(news.name, news.address);
    case "paused":
      return onPaused(state, news.ms);
    case "refused":
      for (const [reason, count] of Object.entries(news.reasons)) {
        metrics.heartbeatRefused.inc({ reason }, count);
        if (!state.mayTellRefused(reason)) continue;
        log.warn({ reason }, "heartbeat refused: do all have the same key?");
      }
  }
}

function onNotice(state: State, from: string, id: number, notice: Notice): void {
  const { context: { log }, heartbeat, inbox, liveness } = state;
  if (notice.what === "leaving") {
    onDown(liveness, from);
    log.info({ speaker: from }, "speaker leaves");
    inbox.post({ kind: "members" });
  }
  const acknowledge = () => heartbeat.tell({ kind: "acknowledge", name: from, id });
  inbox.now({ kind: "notice", from, notice, acknowledge });
}

function onPaused(state: State, ms: Millis): void {
  const { context: { clock, log, metrics }, gossip, heartbeat, inbox } = state;
  metrics.gossip.pauses.inc();
  log.warn({ ms: Math.round(ms) }, "the process stood still: others may own by now");
  gossip.paused();
  if (ms < LONG_PAUSE_MS) {
    clock.schedule(RESUME_AFTER_MS, () => heartbeat.tell({ kind: "resume" }));
    return;
  }
  // Nothing is answered until this node has claimed anew: no reply needs to be held back.
  inbox.now({ kind: "lost" });
  void becomeAcquainted(state, Promise.resolve());
  heartbeat.tell({ kind: "resume" });
}

async function notify(state: State, notice: Notice): Promise<void> {
  const id = ++state.lastNotice;
  const { promise, resolve } = Promise.withResolvers<void>();
  state.unsettled.set(id, resolve);
  state.heartbeat.tell({ kind: "notify", id, notice });
  await promise;
}

/**
 * Each node that gossip found is to be heard too, and must hear us: a claim that reaches nobody
 * would leave two to answer. Others learn of this run of the process by gossip, a moment later.
 */
async function becomeAcquainted(state: State, joined: Promise<void>): Promise<void> {
  const { context: { clock, signal }, inbox, liveness } = state;
  await joined;
  for (let waited = 0; waited < HEAR_MS && liveness.unheard.size > 0; waited += LOOK_MS) {
    await clock.sleep(LOOK_MS, signal);
  }
  if (!signal.aborted) await notify(state, { what: "release", ips: [] });
  inbox.post({ kind: "acquainted" });
}
