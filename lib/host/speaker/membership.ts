import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import { piecesOf } from "../../heartbeat/notice.ts";
import type { Notice } from "../../heartbeat/packet.ts";
import {
  createLiveness,
  hasFellow,
  HEAR_MS,
  judge,
  type Liveness,
  liveNodes,
  nextVerdict,
  onCanAnnounce,
  onDown,
  onLeaving,
  onUp,
  onView,
  onVouched,
  setCanAnnounce,
  setMembers,
  unreached,
} from "../../speaker/liveness.ts";
import { describeMembers, type Roster, rosterOf } from "../../speaker/roster.ts";
import type { Gossip } from "../gossip/gossip.ts";
import { type Announcement, announcementOf } from "../../gossip/meta.ts";
import type { Heartbeat } from "../linux/heartbeat/heartbeat.ts";
import type { HeartbeatNews } from "../linux/heartbeat/orders.ts";
import type { Inbox } from "../process/inbox.ts";
import type { RoleContext } from "../process/role.ts";
import type { FellowEvent, Fellows } from "./fellows.ts";
import { createRefusedBeats, refusalText, vouchedText } from "./refusal.ts";

/** After a pause the notices that waited are read before replies leave again. */
const RESUME_AFTER_MS: Millis = 20;
const LOOK_MS: Millis = 10;
/** After a pause this long others own our addresses and gossip may have declared us dead: start from nothing. */
const LONG_PAUSE_MS: Millis = 500;
/** From the goodbye to the end: MetalLB's speakers take over when they hear of it. */
const FAREWELL_MS: Millis = 20;

/** What heartbeat and gossip tell a membership. */
export type MemberNews =
  | HeartbeatNews
  /** Gossip knows something new. */
  | { readonly kind: "members" }
  /** A member that the heartbeat misses answers by gossip, or does so no more. */
  | { readonly kind: "vouched"; readonly name: string; readonly answers: boolean }
  /** The heartbeat ended unasked. */
  | { readonly kind: "fault"; readonly error: Error };

export interface MembershipOptions {
  readonly context: RoleContext;
  readonly inbox: Pick<Inbox<FellowEvent>, "post" | "now">;
  readonly heartbeat: Heartbeat;
  readonly gossip: Gossip;
  /** Of the key that encrypts; undefined without one. */
  readonly keyBytes: number | undefined;
  /** As gossip tells it of this node at first. */
  readonly announcement: Announcement;
}

/** Gossip and heartbeat as one set of fellows. */
export interface Membership extends Omit<Fellows, "over" | "setAddresses"> {
  take(news: MemberNews): void;
  /** Whether this node can announce; who misses its heartbeat asks for that by gossip. */
  canAnnounce(): boolean;
}

/** This node among the speakers; only the functions below touch it. */
interface State extends MembershipOptions {
  readonly liveness: Liveness;
  /** As gossip tells it of this node now. */
  announced: Announcement;
  /** What the others tell of themselves. */
  roster: Roster;
  readonly onRefused: ReturnType<typeof createRefusedBeats>;
  /** Notices on their way, by id. */
  readonly unsettled: Map<number, () => void>;
  lastNotice: number;
  /** Why the heartbeat ended. */
  fault: string | undefined;
  /** As the heartbeat was last told them. */
  targets: string;
  /** Calls off the look at members whose verdict changes by itself. */
  callOffLook: () => void;
}

/** Begins to become acquainted with those that gossip finds. Ends heartbeat and gossip with itself. */
export function createMembership(options: MembershipOptions): Membership {
  const { context: { clock, options: { nodeName }, signal }, heartbeat, gossip } = options;
  const liveness = createLiveness(nodeName);
  const state: State = {
    ...options,
    liveness,
    announced: options.announcement,
    roster: rosterOf(new Set(), new Map(), 0, new Set()),
    onRefused: createRefusedBeats(options.context),
    unsettled: new Map(),
    lastNotice: 0,
    fault: undefined,
    targets: "",
    callOffLook: () => undefined,
  };
  const judged = (pods?: ReadonlySet<string>) =>
    judge(liveness, { known: gossip.members(), pods }, clock.now());
  void becomeAcquainted(state, gossip.joined);
  return {
    take(news) {
      take(state, news);
      options.context.metrics.gossip.heartbeatPeers.set(liveness.up.size);
      lookAgain(state);
    },
    live: (readyPods) => liveNodes(judged(readyPods)),
    heard: () => liveness.up,
    beside: () => ({ ...state.roster.beside, keyBytes: options.keyBytes }),
    roster: () => state.roster,
    unreached: (readyPods) => ({
      nodes: unreached(judged(readyPods)),
      failures: new Set(gossip.failures().values()),
      keyBytes: options.keyBytes,
    }),
    describe: () => describeMembers(gossip.members(), judged(), liveness.stale),
    canAnnounce: () => isFit(liveness),
    setCanAnnounce(canAnnounce) {
      setCanAnnounce(liveness, canAnnounce, clock.now());
      heartbeat.tell({ kind: "can-announce", canAnnounce });
      tellByGossip(state, { canAnnounce });
    },
    describeSelf({ cutOff, rules }) {
      const { announced } = state;
      const isNew = rules !== announced.rules || cutOff?.join() !== announced.cutOff?.join();
      if (isNew) tellByGossip(state, { cutOff, rules });
    },
    setView(view) {
      if (view === state.announced.view) return;
      // What this node claims from now on comes after it.
      heartbeat.tell({ kind: "view", stale: view === "stale" });
      tellByGossip(state, { view });
    },
    stale: () => new Set(liveness.stale),
    othersServe: () => hasFellow(liveness, judged()),
    othersCurrent: () => hasFellow(liveness, judged(), "current"),
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
      state.callOffLook();
      for (const settle of state.unsettled.values()) settle();
      await gossip[Symbol.asyncDispose]();
      await heartbeat[Symbol.asyncDispose]();
    },
  };
}

function tellByGossip(state: State, news: Partial<Announcement>): void {
  state.announced = { ...state.announced, ...news };
  state.gossip.setMeta(announcementOf(state.announced));
}

function isFit({ fitness }: Liveness): boolean {
  return fitness.canAnnounceSince !== undefined && fitness.problem === undefined;
}

/** Some verdicts change with time alone. */
function lookAgain(state: State): void {
  const { context: { clock }, inbox, liveness } = state;
  state.callOffLook();
  const due = nextVerdict(liveness, clock.now());
  if (due === undefined) return;
  state.callOffLook = clock.schedule(Math.max(0, due - clock.now()) + 1, () => {
    inbox.post({ kind: "members" });
    lookAgain(state);
  });
}

/** Takes over what gossip tells: members that beat are watched, by what they say of themselves. */
function onMembers(state: State): void {
  const { context: { clock, options }, gossip, heartbeat, inbox, liveness } = state;
  liveness.fitness.problem = state.fault ?? refusalText(options.nodeName, gossip.rival());
  state.roster = rosterOf(gossip.alive(), gossip.members(), state.announced.sinceMs, liveness.up);
  const { beating: targets, view } = state.roster;
  const returned = setMembers(liveness, view, clock.now());
  inbox.post(returned ? { kind: "fellow-up", returned } : { kind: "members" });
  const key = JSON.stringify(targets, (_, value) => typeof value === "bigint" ? `${value}` : value);
  if (key === state.targets) return;
  state.targets = key;
  heartbeat.tell({ kind: "targets", targets });
}

function take(state: State, news: MemberNews): void {
  const { context: { clock, log, metrics: { gossip: metrics } }, gossip, inbox, liveness } = state;
  switch (news.kind) {
    case "members":
      return onMembers(state);
    case "fault":
      state.fault = liveness.fitness.problem = errorText(news.error);
      log.error({ error: state.fault }, "the heartbeat ended: this node answers no more");
      return inbox.post({ kind: "members" });
    case "up": {
      if (liveness.missed.has(news.name)) {
        log.info({ speaker: news.name }, "speaker is heard again");
      }
      const returned = onUp(liveness, news.name);
      gossip.heard(news.name);
      return inbox.post({ kind: "fellow-up", returned });
    }
    case "down":
      onDown(liveness, news.name, clock.now());
      gossip.doubt(news.name);
      metrics.heartbeatDowns.inc();
      metrics.silence.observe(news.silentMs / 1000);
      log.warn({ speaker: news.name, silentMs: Math.round(news.silentMs) }, "speaker is gone");
      // Where gossip has given it up too, its heartbeat alone spoke for it.
      if (gossip.members().get(news.name)?.state === "dead") return onMembers(state);
      return inbox.post({ kind: "members" });
    case "vouched":
      onVouched(liveness, news.name, news.answers);
      log.warn({ speaker: news.name }, vouchedText(news.answers));
      return inbox.post({ kind: "members" });
    case "can-announce":
      onCanAnnounce(liveness, news.name, news.canAnnounce);
      return inbox.post({ kind: "members" });
    case "view":
      onView(liveness, news.name, news.stale);
      return inbox.post({ kind: "members" });
    case "notice":
      return onNotice(state, news.name, news.id, news.notice);
    case "settled":
      state.unsettled.get(news.id)?.();
      return void state.unsettled.delete(news.id);
    case "unheard":
      log.debug({ speakers: news.by.join() }, "notices not heard: what is claimed is told again");
      return inbox.post({ kind: "fellow-up", returned: false });
    case "stranger":
      gossip.ask(news.name, news.address);
      return inbox.post({ kind: "stranger" });
    case "paused":
      return onPaused(state, news);
    case "refused":
      return state.onRefused(news.reasons);
  }
}

function onNotice(state: State, from: string, id: number, notice: Notice): void {
  const { context: { log }, heartbeat, inbox, liveness } = state;
  if (notice.what === "leaving") {
    onLeaving(liveness, from);
    log.info({ speaker: from }, "speaker leaves");
    inbox.post({ kind: "members" });
  }
  const acknowledge = () => heartbeat.tell({ kind: "acknowledge", name: from, id });
  inbox.now({ kind: "notice", from, notice, acknowledge });
}

function onPaused(state: State, { ms, pause }: HeartbeatNews & { readonly kind: "paused" }): void {
  const { context: { clock, log, metrics }, gossip, heartbeat, inbox } = state;
  metrics.gossip.pauses.inc();
  log.warn({ ms: Math.round(ms) }, "the process stood still: others may own by now");
  gossip.paused();
  if (ms < LONG_PAUSE_MS) {
    clock.schedule(RESUME_AFTER_MS, () => heartbeat.tell({ kind: "resume", pause }));
    return;
  }
  // Nothing is answered until this node has claimed anew: no reply needs to be held back.
  inbox.now({ kind: "lost" });
  void becomeAcquainted(state, Promise.resolve());
  heartbeat.tell({ kind: "resume", pause });
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
