import { errorText } from "../../../base/errors.ts";
import type { BfdProfile, Peer } from "../../../config/types.ts";
import type { BfdMetrics } from "../../metrics/bfd.ts";
import { aborted, type Clock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import type { Bfd, BfdHooks } from "./bfd.ts";
import type { BfdEvent, BfdTarget } from "./orders.ts";

interface BfdPeersOptions {
  /** Starts BFD, without sessions. */
  readonly start: (hooks: BfdHooks) => Promise<Bfd>;
  readonly log: Log;
  readonly metrics: BfdMetrics;
  readonly clock: Clock;
  /** The path to a peer failed; a peer that shut its BFD down did not fail (RFC 5882 §3.2). */
  readonly onDown: (name: string) => void;
}

/** BFD for those peers that ask for it; its Worker starts with the first of them. */
export interface BfdPeers {
  setPeers(
    peers: readonly { readonly peer: Peer; readonly name: string }[],
    profiles: readonly BfdProfile[],
  ): void;
  /** Tells every peer that this side stops on purpose. */
  adminDown(): Promise<void>;
  /** The state of each session, by the peer's name. */
  states(): ReadonlyMap<string, string>;
  /** Why no path is watched any more. */
  problem(): string | undefined;
  readonly done: Promise<void>;
}

interface Running extends BfdPeersOptions {
  readonly signal: AbortSignal;
  readonly states: Map<string, string>;
  targets: readonly BfdTarget[];
  starting: Promise<void> | undefined;
  bfd: Bfd | undefined;
}

/** Packets are counted in the Worker's memory and carried over that often. */
const COUNT_EVERY_MS = 5_000;

/** Begins without sessions. */
export function startBfdPeers(options: BfdPeersOptions, signal: AbortSignal): BfdPeers {
  const running: Running = {
    ...options,
    signal,
    states: new Map(),
    targets: [],
    starting: undefined,
    bfd: undefined,
  };
  return {
    setPeers: (peers, profiles) => setTargets(running, targetsOf(peers, profiles)),
    adminDown: () => running.bfd?.adminDown() ?? Promise.resolve(),
    states: () => running.states,
    problem: () => running.bfd?.problem(),
    done: untilEnded(running),
  };
}

function targetsOf(
  peers: readonly { readonly peer: Peer; readonly name: string }[],
  profiles: readonly BfdProfile[],
): BfdTarget[] {
  return peers.flatMap(({ peer, name }) => {
    const profile = profiles.find((one) => one.name === peer.bfdProfile);
    return profile === undefined ? [] : [{
      key: name,
      peerAddress: peer.peerAddress,
      sourceAddress: peer.sourceAddress,
      interfaceName: peer.peerInterface,
      multihop: peer.ebgpMultihop,
      profile,
    }];
  });
}

function setTargets(running: Running, targets: readonly BfdTarget[]): void {
  const { metrics, states } = running;
  for (const { key } of running.targets) {
    if (targets.some((one) => one.key === key)) continue;
    metrics.remove(key);
    states.delete(key);
  }
  running.targets = targets;
  for (const { key } of targets) metrics.sessionUp.inc({ peer: key }, 0);
  if (targets.length > 0) running.starting ??= start(running);
  running.bfd?.setTargets(targets).catch((error) => complain(running, error));
}

async function start(running: Running): Promise<void> {
  try {
    const bfd = await running.start({
      onEvent: (event) => onEvent(running, event),
      onFault: (error) => onFault(running, error),
    });
    running.bfd = bfd;
    await bfd.setTargets(running.targets);
    void keepCounting(running, bfd);
  } catch (error) {
    complain(running, error);
  }
}

/** Nobody watches the paths any more, and no event says so of each. */
function onFault({ log, metrics, states, targets }: Running, error: Error): void {
  log.error({ error: errorText(error) }, "BFD ended, BGP works on");
  for (const { key } of targets) {
    states.set(key, "Down");
    metrics.sessionUp.set({ peer: key }, 0);
  }
}

function complain({ log, signal }: Running, error: unknown): void {
  if (!signal.aborted) log.error({ error: errorText(error) }, "BFD is off, BGP works on");
}

function onEvent(running: Running, event: BfdEvent): void {
  const { log, metrics, states, onDown } = running;
  const { key, state, previous, diagnostic, peerAdminDown } = event;
  // The last word of a session that was ended: its metrics would come back and stay.
  if (!isWanted(running, key)) return;
  states.set(key, state);
  metrics.sessionUp.set({ peer: key }, state === "Up" ? 1 : 0);
  const fields = { peer: key, state, previous, diagnostic };
  if (state === "Up") log.info(fields, "BFD session up");
  else if (previous !== "Up") log.debug(fields, "BFD session");
  else if (peerAdminDown) log.info(fields, "BFD session shut down by the peer");
  else {
    log.warn(fields, "BFD session down");
    onDown(key);
  }
}

function isWanted({ targets }: Running, name: string): boolean {
  return targets.some(({ key }) => key === name);
}

async function keepCounting(running: Running, bfd: Bfd): Promise<void> {
  const { clock, metrics, signal } = running;
  for (;;) {
    await clock.sleep(COUNT_EVERY_MS, signal);
    if (signal.aborted) return;
    for (const session of await bfd.status()) {
      if (isWanted(running, session.key)) metrics.set(session);
    }
  }
}

async function untilEnded(running: Running): Promise<void> {
  await aborted(running.signal);
  await running.starting;
  await running.bfd?.[Symbol.asyncDispose]();
}
