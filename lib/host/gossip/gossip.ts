import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import {
  createGossip,
  type Endpoint,
  type GossipAction,
  type GossipEvent,
  type GossipTiming,
  localStates,
  type Member,
} from "../../gossip/state.ts";
import { aliveMembers, nextDeadline, step } from "../../gossip/step.ts";
import { compareIp, formatIp, type Ip } from "../../net/ip.ts";
import { systemClock } from "../process/clock.ts";
import { type GossipTransport, openGossipTransport } from "./transport.ts";
import type { Log } from "../process/log.ts";
import type { GossipMetrics } from "../metrics/gossip.ts";

export interface GossipOptions {
  readonly name: string;
  readonly bind: Endpoint;
  readonly keys: readonly Uint8Array[];
  readonly meta: Uint8Array;
  /** Where members may be; those that are none are joined again and again. */
  readonly candidates: () => readonly Ip[];
  readonly log: Log;
  readonly metrics: GossipMetrics;
  readonly onChange: () => void;
  readonly timing?: GossipTiming;
}

/** This node's membership in the speakers' cluster. */
export interface Gossip extends AsyncDisposable {
  /** Names of all who take part now, this node included. */
  alive(): ReadonlySet<string>;
  members(): ReadonlyMap<string, Member>;
  /** Another speaker has this node's name, and had it first. */
  isDuplicate(): boolean;
  /** Exchanges states with that speaker now, for it seems to tell something new. */
  ask(name: string, address: Ip): void;
  /** The process stood still. */
  paused(): void;
  /** Says goodbye to every member. */
  leave(): void;
  /** Candidates changed: join the new ones now. */
  joinSoon(): void;
  /** Settles when all who were to be found at the start were tried, or the time for it is over. */
  readonly joined: Promise<void>;
}

/** While a candidate is missing it is tried so often, ± 20 %: healed partitions join (row L18). */
const JOIN_MS: Millis = 2_000;
const JOINS_AT_ONCE = 8;
/** A start waits no longer for members that do not answer. */
const FIRST_JOIN_MS: Millis = 1_500;
/** Who hears of a namesake so soon after its start is the second one. */
const NEWCOMER_MS: Millis = 10_000;
const LOG_MS: Millis = 60_000;

/** Joins the cluster. @throws Error when a port is taken or the address not this machine's */
export async function startGossip(options: GossipOptions, signal: AbortSignal): Promise<Gossip> {
  const { log, metrics } = options;
  const startedAt = systemClock.now();
  const self = { name: options.name, ...options.bind };
  const state = createGossip(self, options.meta, startedAt, options.timing);
  const toldAt = new Map<string, number>();
  const joining = new Set<Ip>();
  let duplicate = false;
  let timer: number | undefined;
  let joinTimer: number | undefined;
  let ended = false;

  const transport: GossipTransport = await openGossipTransport({
    bind: options.bind,
    keys: options.keys,
    onMessage: (message, from) => {
      metrics.packetsIn.inc();
      advance({ kind: "message", message, from });
    },
    onPushPull: (nodes) => {
      const own = localStates(state);
      advance({ kind: "merge", nodes });
      return own;
    },
    onRefused: (reason, detail, from) => {
      metrics.refused.inc({ reason });
      tellOnce(
        reason,
        { reason: detail, peer: from },
        "gossip refused: do all speakers have the same key?",
      );
    },
  });

  /** One line a minute for each cause, however many packets. */
  function tellOnce(cause: string, fields: Record<string, unknown>, text: string): void {
    const now = systemClock.now();
    if (now - (toldAt.get(cause) ?? -Infinity) < LOG_MS) return;
    toldAt.set(cause, now);
    log.warn(fields, text);
  }

  function advance(event: GossipEvent): void {
    if (ended) return;
    const actions = step(state, event, systemClock.now(), Math.random);
    for (const action of actions) perform(action);
    metrics.members.set(aliveMembers(state).size);
    metrics.health.set(state.health);
    clearTimeout(timer);
    const wait = Math.max(1, nextDeadline(state) - systemClock.now());
    timer = setTimeout(() => advance({ kind: "tick" }), wait);
    if (actions.some(({ kind }) => kind === "member")) options.onChange();
  }

  function perform(action: GossipAction): void {
    switch (action.kind) {
      case "send":
        metrics.packetsOut.inc();
        return transport.send(action.to, action.messages, action.crc);
      case "push-pull":
        return void exchange(action.to, false);
      case "tcp-ping": {
        const wait = Math.max(1, action.until - systemClock.now());
        const { to, node, sequence } = action;
        transport.tcpPing(to, node, sequence, wait).then((answered) => {
          if (answered) advance({ kind: "tcp-ack", sequence });
        });
        return;
      }
      case "member":
        return log.info({ node: action.name, reason: action.change }, "gossip member changed");
      case "name-conflict":
        return onNameConflict(action.name, action.other);
    }
  }

  function onNameConflict(name: string, other: Endpoint): void {
    metrics.refused.inc({ reason: "name-conflict" });
    const peer = formatIp(other.address);
    if (name === self.name && systemClock.now() - startedAt < NEWCOMER_MS && !duplicate) {
      duplicate = true;
      options.onChange();
    }
    tellOnce(
      `name ${name}`,
      { node: name, peer },
      "two speakers have the same node name: set --node-name to what kubectl get nodes shows",
    );
  }

  async function exchange(to: Endpoint, join: boolean): Promise<void> {
    try {
      const nodes = await transport.pushPull(to, join, localStates(state));
      advance({ kind: "merge", nodes });
    } catch (error) {
      const peer = formatIp(to.address);
      log.debug({ peer, error: errorText(error) }, "gossip exchange failed");
    }
  }

  /** Tries those candidates, and those who died, that are no members now. */
  async function joinMissing(): Promise<void> {
    const alive = aliveMembers(state);
    const present = new Set<Ip>([self.address]);
    const wanted = new Set<Ip>(options.candidates());
    for (const member of state.members.values()) {
      if (alive.has(member.name)) present.add(member.address);
      else if (member.state === "dead") wanted.add(member.address);
    }
    const missing = [...wanted].filter((ip) => !present.has(ip) && !joining.has(ip))
      .sort(compareIp).slice(0, JOINS_AT_ONCE);
    await Promise.all(missing.map(async (address) => {
      joining.add(address);
      await exchange({ address, port: self.port }, true);
      joining.delete(address);
    }));
  }

  function scheduleJoin(waitMs: Millis): void {
    if (ended || signal.aborted) return;
    clearTimeout(joinTimer);
    joinTimer = setTimeout(() => {
      void joinMissing();
      scheduleJoin(JOIN_MS * (0.8 + 0.4 * Math.random()));
    }, waitMs);
  }

  advance({ kind: "tick" });
  const joined = Promise.race([joinMissing(), systemClock.sleep(FIRST_JOIN_MS, signal)]);
  scheduleJoin(JOIN_MS);
  return {
    joined,
    alive: () => aliveMembers(state),
    members: () => state.members,
    isDuplicate: () => duplicate,
    ask: (name, address) => {
      const { port } = self;
      void exchange(state.members.get(name) ?? { address, port }, true);
    },
    paused: () => advance({ kind: "paused" }),
    leave: () => advance({ kind: "leave" }),
    joinSoon: () => scheduleJoin(0),
    async [Symbol.asyncDispose]() {
      ended = true;
      clearTimeout(timer);
      clearTimeout(joinTimer);
      await transport[Symbol.asyncDispose]();
    },
  };
}
