import type { Millis } from "../../base/time.ts";
import {
  createGossip,
  type Endpoint,
  type GossipAction,
  type GossipEvent,
  type GossipState,
  type GossipTiming,
  type Member,
} from "../../gossip/state.ts";
import type { JoinFailure } from "../../gossip/join.ts";
import { localStates } from "../../gossip/told.ts";
import { aliveMembers, nextDeadline, step } from "../../gossip/step.ts";
import { formatIp, type Ip } from "../../net/ip.ts";
import type { GossipMetrics } from "../metrics/gossip.ts";
import { oncePerCause } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import { runMachine } from "../process/machine.ts";
import type { OpenGuard } from "./door.ts";
import { type GossipService, type GossipTransport, openGossipTransport } from "./transport.ts";

export interface GossipOptions {
  readonly name: string;
  readonly bind: Endpoint;
  readonly keys: readonly Uint8Array[];
  readonly meta: Uint8Array;
  /** Where members may be; those that are missing are joined again and again. */
  readonly candidates: () => { readonly addresses: readonly Ip[]; readonly complete: boolean };
  /** Whether this node can answer for its addresses now: members that doubt it are told. */
  readonly isFit: () => boolean;
  /** A member that is doubted answers, or does so no more. */
  readonly onVouched: (name: string, answers: boolean) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: GossipMetrics;
  readonly onChange: () => void;
  /** Keeps strangers' packets from the socket. */
  readonly openGuard?: OpenGuard;
  readonly timing?: GossipTiming;
}

/** This node's membership in the speakers' cluster. */
export interface Gossip extends AsyncDisposable {
  /** Names of all members that take part now, this node included. */
  alive(): ReadonlySet<string>;
  members(): ReadonlyMap<string, Member>;
  /** Who has this node's name, to the other members: they refuse this node. */
  rival(): GossipState["rival"];
  /** Exchanges states with that speaker now: it seems to have news. */
  ask(name: string, address: Ip): void;
  /** Tells other metadata of this node from now on. */
  setMeta(meta: Uint8Array): void;
  /** Asks a member that another channel misses … */
  doubt(name: string): void;
  /** … until that channel hears it again. */
  heard(name: string): void;
  /** The process stood still. */
  paused(): void;
  /** Says goodbye to every member. */
  leave(): void;
  /** Candidates changed: join the new ones now. */
  joinSoon(): void;
  /** What the last exchange with each address came to that failed. */
  failures(): ReadonlyMap<Ip, JoinFailure>;
  /** Settles when all members to be found at the start were tried, or the time for it is over. */
  readonly joined: Promise<void>;
}

/** A member at work. */
interface Running {
  readonly options: GossipOptions;
  readonly state: GossipState;
  readonly transport: GossipTransport;
  readonly feed: (event: GossipEvent) => void;
  readonly mayTell: (cause: string) => boolean;
  readonly failures: Map<Ip, JoinFailure>;
  readonly onFirstJoinOver: () => void;
}

/** For each cause one line in this time, however many packets. */
const TELL_MS: Millis = 60_000;

/** Joins the cluster. @throws Error when a port is taken or the address not this machine's */
export async function startGossip(options: GossipOptions, signal: AbortSignal): Promise<Gossip> {
  const { bind, clock, keys, metrics, name, openGuard } = options;
  const state = createGossip({ name, ...bind }, options.meta, clock.now(), options.timing);
  const transport = await openGossipTransport({ bind, keys, clock, openGuard });
  const closed = new AbortController();
  const joined = Promise.withResolvers<void>();
  const running: Running = {
    options,
    state,
    transport,
    feed: (event) => machine.feed(event),
    mayTell: oncePerCause(TELL_MS, clock.now),
    failures: new Map(),
    onFirstJoinOver: joined.resolve,
  };
  const machine = runMachine<GossipEvent, GossipAction>({
    step: (event, now) => step(state, event, now, clock.random),
    nextDeadline: () => nextDeadline(state),
    perform: (action) => perform(running, action),
    tick: { kind: "tick" },
    after(actions) {
      metrics.members.set(aliveMembers(state).size);
      metrics.health.set(state.health);
      if (actions.some(({ kind }) => kind === "member" || kind === "rival")) options.onChange();
    },
    clock,
    signal: closed.signal,
  });
  transport.serve(serviceOf(running));
  machine.feed({ kind: "tick" });
  const end = () => machine.feed({ kind: "ending" });
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { signal: closed.signal });
  return {
    joined: joined.promise,
    alive: () => aliveMembers(state),
    members: () => state.members,
    rival: () => state.rival,
    ask: (name, address) => machine.feed({ kind: "ask", name, address }),
    setMeta: (meta) => machine.feed({ kind: "meta", meta }),
    doubt: (name) => machine.feed({ kind: "doubt", name }),
    heard: (name) => machine.feed({ kind: "heard", name }),
    paused: () => machine.feed({ kind: "paused" }),
    leave: () => machine.feed({ kind: "leave" }),
    joinSoon: () => machine.feed({ kind: "join-soon" }),
    failures: () => running.failures,
    async [Symbol.asyncDispose]() {
      closed.abort();
      joined.resolve();
      await transport[Symbol.asyncDispose]();
    },
  };
}

function serviceOf({ options, state, feed, mayTell }: Running): GossipService {
  const { log, metrics } = options;
  return {
    onMessage(message, from) {
      metrics.packetsIn.inc();
      if (message.kind === "ping") feed({ kind: "fitness", unfit: !options.isFit() });
      feed({ kind: "message", message, from });
    },
    onPushPull(nodes) {
      // One that was given up, or has moved, learns at once that it is believed again.
      feed({ kind: "merge", nodes });
      return localStates(state);
    },
    expected: () => [
      ...options.candidates().addresses,
      ...[...state.members.values()].map(({ address }) => address),
    ],
    onTurnedAway(count) {
      metrics.refused.inc({ reason: "unknown-address" }, count);
      if (!mayTell("unknown-address")) return;
      log.warn({ count }, "gossip from an address of no speaker: somebody else sends to this port");
    },
    onRefused(reason, detail, from) {
      metrics.refused.inc({ reason });
      if (!mayTell(reason)) return;
      log.warn(
        { reason: detail, peer: from },
        "gossip refused: do all speakers have the same key?",
      );
    },
  };
}

function perform(running: Running, action: GossipAction): void {
  const { options, transport, feed } = running;
  switch (action.kind) {
    case "send":
      options.metrics.packetsOut.inc();
      return transport.send(action.to, action.messages, action.crc);
    case "push-pull":
      return void exchange(running, action.to, action.join);
    case "join": {
      const { address } = action.to;
      exchange(running, action.to, true).then(() => feed({ kind: "join-ended", address }));
      return;
    }
    case "candidates":
      return feed({ kind: "candidates", ...options.candidates() });
    case "first-join-over":
      return running.onFirstJoinOver();
    case "tcp-ping": {
      const { to, node, sequence, until } = action;
      const wait = Math.max(1, until - options.clock.now());
      transport.tcpPing(to, node, sequence, wait).then((answered) => {
        if (answered) feed({ kind: "tcp-ack", sequence });
      });
      return;
    }
    case "member":
      if (action.change === "program") return;
      return options.log.info(
        { member: action.name, reason: action.change },
        "gossip member changed",
      );
    case "name-conflict":
      return tellConflict(running, action.name, formatIp(action.other.address));
    case "vouched":
      return options.onVouched(action.name, action.answers);
    case "rival":
      return tellRival(running, action.other);
  }
}

function tellRival({ options: { log, name } }: Running, other: Endpoint | undefined): void {
  if (other === undefined) {
    return log.info({}, "the other speakers take this node for its name again");
  }
  log.warn(
    { peer: formatIp(other.address) },
    `the other speakers know ${name} at another address and refuse this one: it announces nothing`,
  );
}

function tellConflict({ options, mayTell }: Running, member: string, peer: string): void {
  options.metrics.refused.inc({ reason: "name-conflict" });
  if (!mayTell(`name ${member}`)) return;
  options.log.warn(
    { member, peer },
    "two speakers have the same node name: set --node-name to what kubectl get nodes shows",
  );
}

async function exchange(running: Running, to: Endpoint, join: boolean): Promise<void> {
  const { options: { log }, failures, state, transport, feed } = running;
  const answer = await transport.pushPull(to, join, localStates(state));
  if (answer.kind === "states") {
    failures.delete(to.address);
    return feed({ kind: "merge", nodes: answer.nodes });
  }
  failures.set(to.address, answer.kind);
  log.debug(
    { peer: formatIp(to.address), reason: answer.kind, error: answer.detail },
    "gossip exchange failed",
  );
}
