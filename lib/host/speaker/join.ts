import { type Announcement, announcementOf } from "../../gossip/meta.ts";
import { keysOf } from "../../heartbeat/notice.ts";
import { formatIp } from "../../net/ip.ts";
import { startGossip } from "../gossip/gossip.ts";
import { guardDatagrams } from "../linux/datagram_guard.ts";
import { startHeartbeat } from "../linux/heartbeat/heartbeat.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import type { PartWorker } from "../linux/worker/link.ts";
import type { ReplyLeasePlaces } from "../linux/reply_lease.ts";
import type { RoleContext } from "../process/role.ts";
import type { Facts } from "./facts.ts";
import { ALONE, type Fellows, type FellowSettings, fellowSettings } from "./fellows.ts";
import {
  createMembership,
  type MemberNews,
  type Membership,
  type MembershipOptions,
} from "./membership.ts";
import { watchOwnAddress } from "./own_address.ts";

type FellowInbox = MembershipOptions["inbox"];

/** What speakers talk to each other by; tests hand in their own. */
export interface JoinParts {
  readonly startHeartbeat: typeof startHeartbeat;
  readonly startGossip: typeof startGossip;
}

/**
 * Joins the other speakers, as flags and API tell of them; alone where gossip is off.
 * @throws Error when a port is taken or the address is not this machine's
 */
export async function joinFellows(
  context: RoleContext,
  layer2: Pick<Layer2, "replyLease" | "requireReplyLease">,
  facts: Pick<Facts, "pods" | "podsKnown">,
  inbox: FellowInbox,
  worker: PartWorker,
  parts: JoinParts = { startHeartbeat, startGossip },
): Promise<Fellows> {
  const { log, options: { gossip } } = context;
  if (gossip === undefined) {
    inbox.post({ kind: "acquainted" });
    return ALONE;
  }
  const settings = fellowSettings(gossip, facts);
  const { address, port, keys } = settings;
  if (keys.length === 0) {
    log.warn({}, "gossip has no key: whoever reaches the port can move addresses between nodes");
  }
  const fellows = await openMembership(context, settings, layer2.replyLease, inbox, worker, parts);
  const peer = `${formatIp(address)}:${port}`;
  log.info({ peer, reason: keys.length > 0 ? "encrypted" : "no key" }, "gossip ready");
  layer2.requireReplyLease();
  const { clock, signal } = context;
  const watch = watchOwnAddress({
    address,
    clock,
    log,
    signal,
    onGone: () => inbox.now({ kind: "lost" }),
    onHere: () => inbox.post({ kind: "acquainted" }),
  });
  return {
    ...fellows,
    setAddresses: watch.set,
    over: watch.over,
    problem: () => watch.problem() ?? fellows.problem(),
  };
}

async function openMembership(
  context: RoleContext,
  { address, port, keys, candidates, timing }: FellowSettings,
  lease: ReplyLeasePlaces | undefined,
  inbox: FellowInbox,
  worker: PartWorker,
  parts: JoinParts,
): Promise<Membership> {
  const { clock, log, metrics, options: { nodeName }, signal } = context;
  const boot = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const open = { self: nodeName, boot, address, keys: keysOf(keys), timing, lease };
  await using unfinished = new AsyncDisposableStack();
  // What one tells before both are there is kept until then.
  const news = createRelay<MemberNews>();
  const fitness = { canAnnounce: () => false };
  const heartbeatOn = (heartbeatPort: number) =>
    parts.startHeartbeat({
      worker,
      open: { ...open, port: heartbeatPort },
      onNews: news.post,
      onFault: (error) => news.post({ kind: "fault", error }),
    });
  // memberlist's own port is taken; where the next one is too, gossip tells another.
  const heartbeat = unfinished.use(
    await heartbeatOn(port === 0 ? 0 : port + 1).catch(() => heartbeatOn(0)),
  );
  const announcement: Announcement = {
    port: heartbeat.port,
    boot,
    inRing: true,
    sinceMs: Date.now(),
    canAnnounce: false,
    view: "current",
  };
  const gossip = unfinished.use(
    await parts.startGossip({
      name: nodeName,
      bind: { address, port },
      keys,
      meta: announcementOf(announcement),
      candidates,
      clock,
      log,
      metrics: metrics.gossip,
      onChange: () => news.post({ kind: "members" }),
      onVouched: (name, answers) => news.post({ kind: "vouched", name, answers }),
      isFit: () => fitness.canAnnounce() && heartbeat.isBeating(),
      openGuard: guardDatagrams,
    }, signal),
  );
  unfinished.move();
  const membership = createMembership({
    context,
    inbox,
    heartbeat,
    gossip,
    keyBytes: keys[0]?.length,
    announcement,
  });
  fitness.canAnnounce = membership.canAnnounce;
  news.open(membership.take);
  return membership;
}

/** Keeps what is posted until it is opened, and hands it on from then. */
function createRelay<T>(): { post(value: T): void; open(take: (value: T) => void): void } {
  const waiting: T[] = [];
  let take: (value: T) => void = (value) => waiting.push(value);
  return {
    post: (value) => take(value),
    open(taker) {
      take = taker;
      waiting.splice(0).forEach(taker);
    },
  };
}
