import { instant } from "../../../lib/base/time.ts";
import type { JoinFailure } from "../../../lib/gossip/join.ts";
import type { Member } from "../../../lib/gossip/state.ts";
import type { Gossip } from "../../../lib/host/gossip/gossip.ts";
import { announcementOf, readAnnouncement } from "../../../lib/gossip/meta.ts";
import type { Heartbeat } from "../../../lib/host/linux/heartbeat/heartbeat.ts";
import { createMetrics } from "../../../lib/host/metrics/metrics.ts";
import type { Inbox } from "../../../lib/host/process/inbox.ts";
import type { RunOptions } from "../../../lib/host/process/options.ts";
import type { RoleContext } from "../../../lib/host/process/role.ts";
import type { FellowEvent } from "../../../lib/host/speaker/fellows.ts";
import type { KeptPlan } from "../../../lib/host/speaker/plans.ts";
import { serviceKey } from "../../../lib/model/facts.ts";
import type { Ip } from "../../../lib/net/ip.ts";
import type { Mac } from "../../../lib/net/ethernet.ts";
import { parsePrefix } from "../../../lib/net/prefix.ts";
import type { RouteWish } from "../../../lib/speaker/routes.ts";
import { ip } from "../../controller/fixture.ts";
import { BARE_CLUSTER } from "../../support/bare_cluster.ts";
import { type VirtualClock, virtualClock } from "../../support/clock.ts";
import { type RecordedLog, recordedLog } from "../../support/log.ts";
import { RUN_OPTIONS } from "../../support/run_options.ts";

export const MAC = 0x02_00_00_00_00_01 as Mac;

/** What the parts of a speaker run in: virtual time, a log that remembers, a signal to fire. */
export interface SpeakerContext extends RoleContext {
  readonly clock: VirtualClock;
  readonly log: RecordedLog;
  readonly stop: AbortController;
}

export function speakerContext(options: Partial<RunOptions> = {}): SpeakerContext {
  const stop = new AbortController();
  const none = new URL("file:///none");
  return {
    clock: virtualClock(1_000),
    options: { ...RUN_OPTIONS, role: "speaker", ...options },
    cluster: { ...BARE_CLUSTER, watch: () => new Error("nothing is watched") as never },
    log: recordedLog(),
    metrics: createMetrics(),
    signal: stop.signal,
    stop,
    workers: { timekeeper: none, watchdog: none },
  };
}

/** An inbox that remembers what was posted. */
export interface RecordedInbox extends Pick<Inbox<FellowEvent>, "post" | "now"> {
  /** Since the last look; `now KIND` is what was to be decided at once. */
  kinds(): string[];
  readonly notices: (FellowEvent & { readonly kind: "notice" })[];
}

export function recordedInbox(): RecordedInbox {
  const kinds: string[] = [];
  const notices: RecordedInbox["notices"] = [];
  const keep = (event: FellowEvent, kind: string) => {
    kinds.push(kind);
    if (event.kind === "notice") notices.push(event);
  };
  return {
    kinds: () => kinds.splice(0),
    notices,
    post: (event) => keep(event, event.kind),
    now: (event) => keep(event, `now ${event.kind}`),
  };
}

/** A heartbeat that remembers what it is told. */
export interface FakeHeartbeat {
  readonly heartbeat: Heartbeat;
  /** Since the last look. */
  orders(): Parameters<Heartbeat["tell"]>[0][];
  isDisposed(): boolean;
}

export function fakeHeartbeat(port = 7947): FakeHeartbeat {
  const orders: Parameters<Heartbeat["tell"]>[0][] = [];
  let disposed = false;
  const heartbeat: Heartbeat = {
    port,
    tell: (order) => void orders.push(order),
    isBeating: () => true,
    problem: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(void (disposed = true)),
  };
  return { heartbeat, orders: () => orders.splice(0), isDisposed: () => disposed };
}

/** A gossip whose members a test sets. */
export interface FakeGossip {
  readonly gossip: Gossip;
  /** What exchanges came to, which a test sets. */
  readonly failures: Map<Ip, JoinFailure>;
  /** Since the last look. */
  calls(): string[];
  isDisposed(): boolean;
  joined(): void;
  /** Those with a run of the process beat, as Herald's speakers do; MetalLB's do not. */
  add(name: string, boot?: number, canAnnounce?: boolean): void;
  die(name: string): void;
  rival(): void;
}

export function fakeGossip(self = "node1"): FakeGossip {
  const calls: string[] = [];
  const members = new Map<string, Member>();
  const alive = new Set([self]);
  const failures = new Map<Ip, JoinFailure>();
  let rival: ReturnType<Gossip["rival"]>;
  let disposed = false;
  const joined = Promise.withResolvers<void>();
  const gossip: Gossip = {
    alive: () => alive,
    members: () => members,
    rival: () => rival,
    ask: (name) => void calls.push(`ask ${name}`),
    setMeta(meta) {
      const { canAnnounce, rules } = readAnnouncement(meta) ?? {};
      calls.push(`mute ${canAnnounce === false}${rules === undefined ? "" : ` by ${rules}`}`);
    },
    failures: () => failures,
    doubt: (name) => void calls.push(`doubt ${name}`),
    heard: (name) => void calls.push(`heard ${name}`),
    paused: () => void calls.push("paused"),
    leave: () => void calls.push("leave"),
    joinSoon: () => void calls.push("joinSoon"),
    joined: joined.promise,
    [Symbol.asyncDispose]: () => Promise.resolve(void (disposed = true)),
  };
  return {
    gossip,
    failures,
    calls: () => calls.splice(0),
    isDisposed: () => disposed,
    joined: () => joined.resolve(),
    rival() {
      const never = instant(Infinity);
      rival = { address: ip("10.0.0.99"), port: 7946, isDead: false, until: never, askAt: never };
    },
    add(name, boot, canAnnounce = true) {
      alive.add(name);
      members.set(name, {
        name,
        address: ip(`10.0.0.${name.replace(/\D/g, "")}`),
        port: 7946,
        incarnation: 1,
        meta: boot === undefined
          ? new Uint8Array()
          : announcementOf({ inRing: true, port: 7947, boot, sinceMs: 0, canAnnounce }),
        vsn: new Uint8Array(),
        state: "alive",
        changedAt: instant(0),
        suspicion: undefined,
      });
    },
    die(name) {
      alive.delete(name);
      const member = members.get(name);
      if (member !== undefined) member.state = "dead";
    },
  };
}

/** A plan by layer 2 of an address; this node is node1. */
export function layer2Plan(address: string, owner: string | undefined): KeptPlan {
  const here = owner === "node1";
  const verdict = {
    here,
    silent: undefined,
    reason: here ? "owner" : `${owner} comes first in the election`,
  };
  return planOf(address, {
    layer2: { ...verdict, owner, interfaces: undefined, canLinger: true },
  }, verdict.reason);
}

/** A plan by BGP of an address that is routed to this node. */
export function bgpPlan(address: string): KeptPlan {
  const reason = "routed here by BGP";
  const bgp = { here: true, silent: undefined, reason, routes: [routeOf(address)] };
  return planOf(address, { bgp }, reason);
}

/** The route of one address. */
export function routeOf(address: string): RouteWish {
  const parsed = parsePrefix(`${address}/32`);
  if (typeof parsed === "string") throw new Error(parsed);
  const attributes = { localPref: 0, communities: [], largeCommunities: [] };
  return { prefix: parsed.prefix, attributes, peers: [], order: 0 };
}

function planOf(address: string, announce: KeptPlan["announce"], reason: string): KeptPlan {
  return {
    ip: ip(address),
    services: [serviceKey("default", "web")],
    pool: "default",
    announce,
    salt: address,
    silent: undefined,
    reason,
    notice: undefined,
  };
}
