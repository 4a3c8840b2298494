import { errorText } from "../../base/errors.ts";
import type { HeartbeatTiming } from "../../heartbeat/monitor_state.ts";
import {
  heartbeatKey,
  MAX_NOTICE_IPS,
  MAX_NOTICE_MACS,
  type Notice,
} from "../../heartbeat/packet.ts";
import type { Mac } from "../../net/ethernet.ts";
import { formatIp, type Ip } from "../../net/ip.ts";
import { type Gossip, startGossip } from "../gossip/gossip.ts";
import {
  createRoster,
  HEAR_MS,
  liveNodes,
  onCanAnnounce,
  onDown,
  onUp,
  setMembers,
} from "../../speaker/roster.ts";
import { oncePer } from "../process/backoff.ts";
import { systemClock } from "../process/clock.ts";
import type { GossipMetrics } from "../metrics/gossip.ts";
import { announcementOf, readAnnouncement } from "../gossip/meta.ts";
import type { Log } from "../process/log.ts";
import { type Heartbeat, startHeartbeat } from "../linux/heartbeat/heartbeat.ts";
import type { HeartbeatNews, HeartbeatTarget } from "../linux/heartbeat/orders.ts";
import type { ReplyLeasePlaces } from "../linux/reply_lease.ts";

export interface MembershipOptions {
  readonly nodeName: string;
  readonly address: Ip;
  readonly port: number;
  readonly keys: readonly Uint8Array[];
  readonly candidates: () => readonly Ip[];
  readonly workerUrl: URL;
  readonly lease: ReplyLeasePlaces | undefined;
  readonly timing: HeartbeatTiming;
  readonly log: Log;
  readonly metrics: GossipMetrics;
  /** The live speakers, or those this node can talk to, changed. */
  readonly onChange: () => void;
  /** A fellow's notice, to be acknowledged once it is carried out. */
  readonly onNotice: (from: string, notice: Notice, acknowledge: () => void) => void;
  /**
   * The process stood still for so long that nothing is known any more: it must fall silent and
   * wait until {@link Membership.ready} has come again.
   */
  readonly onLost: (ready: Promise<void>) => void;
  /** A fellow is heard (again): it must learn what this node claims. */
  readonly onUp: (name: string) => void;
}

/** Who the speakers are, and a word to those of them that understand it. */
export interface Membership extends AsyncDisposable {
  /** Nodes whose speaker lives and can announce, this one included. */
  live(): ReadonlySet<string>;
  /** Nodes that gossip has ever told of: of others nothing can be said. */
  known(): ReadonlySet<string>;
  /** Speakers whose heartbeat is heard: they answer notices. */
  fellows(): ReadonlySet<string>;
  /** How each member stands, for people. */
  describe(): readonly {
    readonly node: string;
    readonly address: string;
    readonly state: string;
  }[];
  setCanAnnounce(canAnnounce: boolean): void;
  /** Settles when all fellows have carried it out, or the time for it is over. */
  notify(notice: Notice): Promise<void>;
  candidatesChanged(): void;
  /** Settles when this node knows who else there is; before, it would think itself alone. */
  readonly ready: Promise<void>;
  /** Says goodbye to the cluster. */
  leave(): void;
  /** Why this node must not announce; undefined when it may. */
  problem(): string | undefined;
  /** Why no heartbeat comes from this node any more: only a new start helps. */
  heartbeatProblem(): string | undefined;
}

/** After a pause the notices that waited are read before replies leave again. */
const RESUME_AFTER_MS = 20;
const LOOK_MS = 10;
/** Others have taken over and gossip may have buried us: what we knew is void. */
const LONG_PAUSE_MS = 500;
/** Of each cause of refused beats one line in this time. */
const TELL_MS = 60_000;

/** Joins the speakers' cluster. @throws Error when a port is taken or the address not ours */
export async function joinMembership(
  options: MembershipOptions,
  signal: AbortSignal,
): Promise<Membership> {
  const { log, metrics, nodeName } = options;
  const boot = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const roster = createRoster(nodeName);
  const { up, down, mute } = roster;
  const waiting = new Map<number, () => void>();
  const tellRefused = new Map<string, () => boolean>();
  let lastNotice = 0;
  let unheardTimer: number | undefined;
  let leaving = false;
  let fault: string | undefined;
  let targets = "";
  let targetCount = 0;
  let gossip: Gossip | undefined = undefined;

  await using resources = new AsyncDisposableStack();
  const open = {
    self: nodeName,
    boot,
    address: options.address,
    // memberlist's own port is taken; where this one is too, gossip tells another.
    port: options.port === 0 ? 0 : options.port + 1,
    keys: keysOf(options.keys),
    timing: options.timing,
    lease: options.lease,
  };
  const begin = (port: number) =>
    startHeartbeat({
      workerUrl: options.workerUrl,
      open: { ...open, port },
      onNews,
      onFault: (error) => {
        fault = errorText(error);
        log.error({ error: fault }, "the heartbeat ended: this node answers no more");
        options.onChange();
      },
    });
  const heartbeat: Heartbeat = resources.use(await begin(open.port).catch(() => begin(0)));
  gossip = resources.use(
    await startGossip({
      name: nodeName,
      bind: { address: options.address, port: options.port },
      keys: options.keys,
      meta: announcementOf({ port: heartbeat.port, boot }),
      candidates: options.candidates,
      clock: systemClock,
      log,
      metrics,
      onChange: () => {
        setTargets();
        options.onChange();
      },
    }, signal),
  );
  const peer = `${formatIp(options.address)}:${options.port}`;
  log.info({ peer, reason: options.keys.length > 0 ? "encrypted" : "no key" }, "gossip ready");

  /** Members who beat, by what their gossip says; no other is watched. */
  function setTargets(): void {
    const alive = gossip?.alive() ?? new Set<string>();
    const next: HeartbeatTarget[] = [];
    for (const [name, { address, meta }] of gossip?.members() ?? []) {
      const announced = alive.has(name) ? readAnnouncement(meta) : undefined;
      if (announced !== undefined) next.push({ name, address, ...announced });
    }
    setMembers(roster, alive, new Set(next.map(({ name }) => name)), systemClock.now());
    const key = JSON.stringify(next, (_, value) => typeof value === "bigint" ? `${value}` : value);
    if (key === targets) return;
    targets = key;
    targetCount = next.length;
    clearTimeout(unheardTimer);
    unheardTimer = setTimeout(options.onChange, HEAR_MS + 1);
    heartbeat.tell({ kind: "targets", targets: next });
  }

  function onNews(news: HeartbeatNews): void {
    switch (news.kind) {
      case "up":
        if (down.has(news.name)) log.info({ node: news.name }, "speaker is heard again");
        onUp(roster, news.name);
        metrics.heartbeatPeers.set(up.size);
        options.onUp(news.name);
        return options.onChange();
      case "down":
        onDown(roster, news.name);
        metrics.heartbeatPeers.set(up.size);
        metrics.heartbeatDowns.inc();
        metrics.silence.observe(news.silentMs / 1000);
        log.warn({ node: news.name, silentMs: Math.round(news.silentMs) }, "speaker is gone");
        return options.onChange();
      case "can-announce":
        onCanAnnounce(roster, news.name, news.canAnnounce);
        return options.onChange();
      case "notice": {
        const { name, id } = news;
        if (news.notice.what === "leaving") {
          onDown(roster, name);
          log.info({ node: name }, "speaker leaves");
          options.onChange();
        }
        return options.onNotice(
          name,
          news.notice,
          () => heartbeat.tell({ kind: "acknowledge", name, id }),
        );
      }
      case "settled":
        if (news.missing.length > 0) log.debug({ node: news.missing.join() }, "notice not heard");
        waiting.get(news.id)?.();
        waiting.delete(news.id);
        return;
      case "stranger":
        return gossip?.ask(news.name, news.address);
      case "paused":
        metrics.pauses.inc();
        log.warn({ ms: Math.round(news.ms) }, "the process stood still: others may own by now");
        gossip?.paused();
        if (news.ms < LONG_PAUSE_MS) {
          setTimeout(() => heartbeat.tell({ kind: "resume" }), RESUME_AFTER_MS);
        } else {
          // Nothing is answered until this node has claimed anew: no reply needs to be held back.
          options.onLost(untilReady(Promise.resolve()));
          heartbeat.tell({ kind: "resume" });
        }
        return;
      case "refused":
        for (const [reason, count] of Object.entries(news.reasons)) {
          metrics.heartbeatRefused.inc({ reason }, count);
          const mayTell = tellRefused.get(reason) ?? oncePer(TELL_MS, systemClock.now);
          tellRefused.set(reason, mayTell);
          if (mayTell()) log.warn({ reason }, "heartbeat refused: do all have the same key?");
        }
    }
  }

  async function tell(notice: Notice): Promise<void> {
    const id = ++lastNotice;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.set(id, resolve);
    heartbeat.tell({ kind: "notify", id, notice });
    await promise;
  }

  /**
   * Whom the gossip found is to be heard too, and must hear us: a claim that reaches nobody would
   * leave two to answer. Others learn of this run of the process by gossip, a moment later.
   */
  async function untilReady(joined: Promise<void>): Promise<void> {
    await joined;
    for (let waited = 0; waited < HEAR_MS && !signal.aborted; waited += LOOK_MS) {
      if (targetCount <= up.size + down.size) break;
      await systemClock.sleep(LOOK_MS, signal);
    }
    if (!signal.aborted) await tell({ what: "release", ips: [] });
  }

  const ready = untilReady(gossip.joined);
  const closing = resources.move();
  return {
    ready,
    live() {
      const live = liveNodes(roster, systemClock.now());
      if (leaving) live.delete(nodeName);
      return live;
    },
    known: () => new Set([nodeName, ...gossip?.members().keys() ?? []]),
    fellows: () => up,
    describe: () =>
      [...gossip?.members().values() ?? []].map(({ name, address, state }) => ({
        node: name,
        address: formatIp(address),
        state: up.has(name)
          ? mute.has(name) ? "cannot announce" : "up"
          : down.has(name)
          ? "gone"
          : state,
      })),
    setCanAnnounce(value) {
      roster.canAnnounce = value;
      heartbeat.tell({ kind: "can-announce", canAnnounce: value });
    },
    notify: async (notice) => {
      await Promise.all(piecesOf(notice).map(tell));
    },
    candidatesChanged: () => gossip?.joinSoon(),
    leave() {
      leaving = true;
      gossip?.leave();
    },
    problem: () =>
      fault ??
        (gossip?.isDuplicate()
          ? `another speaker has the node name ${nodeName}; set --node-name`
          : undefined),
    heartbeatProblem: () => heartbeat.problem(),
    async [Symbol.asyncDispose]() {
      clearTimeout(unheardTimer);
      for (const settle of waiting.values()) settle();
      await closing.disposeAsync();
    },
  };
}

function keysOf(gossipKeys: readonly Uint8Array[]): Uint8Array[] {
  return gossipKeys.length === 0 ? [heartbeatKey(undefined)] : gossipKeys.map(heartbeatKey);
}

/** A packet holds so many addresses. */
function piecesOf(notice: Notice): Notice[] {
  if (notice.what === "leaving") return [notice];
  const pieces: Notice[] = [];
  for (let at = 0; at < notice.ips.length; at += MAX_NOTICE_IPS) {
    const ips = notice.ips.slice(at, at + MAX_NOTICE_IPS);
    const macs: readonly Mac[] = notice.what === "claim" ? notice.macs : [];
    pieces.push(
      notice.what === "claim"
        ? { what: "claim", ips, macs: macs.slice(0, MAX_NOTICE_MACS) }
        : { what: "release", ips },
    );
  }
  return pieces;
}
