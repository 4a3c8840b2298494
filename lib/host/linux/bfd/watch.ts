import { errorText } from "../../../base/errors.ts";
import type { BfdProfile, Peer } from "../../../config/types.ts";
import type { BfdMetrics } from "../../metrics/bfd.ts";
import type { Log } from "../../process/log.ts";
import { type Bfd, startBfd } from "./bfd.ts";
import type { BfdEvent, BfdTarget } from "./orders.ts";

export interface BfdWatchOptions {
  readonly workerUrl: URL;
  readonly log: Log;
  readonly metrics: BfdMetrics;
  /** The path to a peer failed; a peer that shut its BFD down did not fail (RFC 5882 §3.2). */
  readonly onDown: (name: string) => void;
}

/** BFD for those peers that ask for it; the Worker starts with the first of them. */
export interface BfdWatch {
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

/** Begins without sessions. */
export function createBfdWatch(options: BfdWatchOptions, signal: AbortSignal): BfdWatch {
  const { log, metrics } = options;
  let bfd: Bfd | undefined;
  let starting: Promise<void> | undefined;
  let targets: readonly BfdTarget[] = [];
  const states = new Map<string, string>();
  let counting: number | undefined;

  function onEvent({ key, state, previous, diagnostic, peerAdminDown }: BfdEvent): void {
    states.set(key, state);
    metrics.sessionUp.set({ peer: key }, state === "Up" ? 1 : 0);
    const fields = { peer: key, state, previous, diagnostic };
    if (state === "Up") log.info(fields, "BFD session up");
    else if (previous !== "Up") log.debug(fields, "BFD session");
    else if (peerAdminDown) log.info(fields, "BFD session shut down by the peer");
    else {
      log.warn(fields, "BFD session down");
      options.onDown(key);
    }
  }

  async function start(): Promise<void> {
    try {
      bfd = await startBfd({
        workerUrl: options.workerUrl,
        onEvent,
        onFault: (error) => log.error({ error: errorText(error) }, "BFD ended, BGP works on"),
      });
      await bfd.setTargets(targets);
      counting = setInterval(() => void count(), COUNT_EVERY_MS);
    } catch (error) {
      complain(error);
    }
  }

  function complain(error: unknown): void {
    if (!signal.aborted) log.error({ error: errorText(error) }, "BFD is off, BGP works on");
  }

  async function count(): Promise<void> {
    if (bfd === undefined) return;
    for (const session of await bfd.status()) metrics.set(session);
  }

  async function end(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    clearInterval(counting);
    await starting;
    clearInterval(counting);
    await bfd?.[Symbol.asyncDispose]();
  }

  return {
    setPeers(peers, profiles) {
      const before = targets;
      targets = peers.flatMap(({ peer, name }) => {
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
      for (const { key } of before) {
        if (targets.some((one) => one.key === key)) continue;
        metrics.remove(key);
        states.delete(key);
      }
      for (const { key } of targets) metrics.sessionUp.inc({ peer: key }, 0);
      if (targets.length > 0) starting ??= start();
      bfd?.setTargets(targets).catch(complain);
    },
    adminDown: () => bfd?.adminDown() ?? Promise.resolve(),
    states: () => states,
    problem: () => bfd?.problem(),
    done: end(),
  };
}

/** Packets are counted in the Worker's memory and carried over that often. */
const COUNT_EVERY_MS = 5_000;
