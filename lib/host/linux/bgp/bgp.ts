import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { EPOLL } from "../../../../ffi/epoll.ts";
import { STREAM } from "../../../../ffi/tcp.ts";
import { formFor } from "../../../bgp/adj_rib_out.ts";
import { CEASE, CODE, notification, shutdown } from "../../../bgp/notification.ts";
import { selectsLabels } from "../../../config/selectors.ts";
import { peerName, sessionKey } from "../../../config/sessions.ts";
import type { Config, Peer } from "../../../config/types.ts";
import { familyOf, type Ip } from "../../../net/ip.ts";
import { formatPrefix, type Prefix } from "../../../net/prefix.ts";
import { createRoutes } from "../../../speaker/routes.ts";
import { systemClock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { PeerStatus } from "../../../status/types.ts";
import { createBfdWatch } from "../bfd/watch.ts";
import { type BgpPeer, startPeer } from "./peer.ts";
import { createPeerRecord } from "./record.ts";
import { startEventLoop } from "./event_loop.ts";

export interface BgpOptions {
  readonly nodeName: string;
  readonly bfdWorkerUrl: URL;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** BGP at work on this node. */
export interface Bgp {
  /**
   * The configuration and this node's labels say which peers there are and what is told to them;
   * `changes` are addresses that are routed to this node from now on, or no more.
   */
  update(
    config: Config,
    labels: ReadonlyMap<string, string>,
    changes: Iterable<readonly [ip: Ip, announced: boolean]>,
  ): void;
  status(): readonly PeerStatus[];
  /** To whom an address's routes go, one sentence each. */
  routesOf(ip: Ip): readonly string[];
  /** Why BFD watches no peer any more; undefined when it does, or need not. */
  bfdProblem(): string | undefined;
  readonly done: Promise<void>;
}

/** Starts BGP without peers. On the signal it takes all routes back and says goodbye. */
export function startBgp(options: BgpOptions, signal: AbortSignal): Bgp {
  const { log, metrics } = options;
  const libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...EPOLL });
  const stopLoop = new AbortController();
  const loop = startEventLoop(libc, stopLoop.signal);
  const routes = createRoutes();
  const peers = new Map<string, BgpPeer>();
  const ending = new Set<Promise<void>>();
  let current: Config | undefined;
  const bfd = createBfdWatch({
    workerUrl: options.bfdWorkerUrl,
    log,
    metrics: metrics.bfd,
    onDown: (name) => {
      for (const peer of peers.values()) if (peer.name === name) peer.bfdDown();
    },
  }, signal);

  function begin(key: string, peer: Peer): void {
    const name = peerName(peer);
    const record = createPeerRecord(name, log, metrics.bgp);
    log.info({ peer: name, asn: peer.peerAsn }, "BGP peer configured");
    const { nodeName } = options;
    peers.set(
      key,
      startPeer({ peer, name, nodeName, libc, loop, clock: systemClock, rib: routes.rib, record }),
    );
  }

  function remove(key: string, peer: BgpPeer, replaced: boolean): void {
    peers.delete(key);
    const subcode = replaced ? CEASE.configurationChange : CEASE.peerDeconfigured;
    peer.withdrawAll();
    const ended = peer.stop(notification(CODE.cease, subcode));
    if (!replaced) peer.record.forget();
    ending.add(ended);
    void ended.then(() => ending.delete(ended));
  }

  function setPeers(wanted: readonly Peer[]): void {
    const byKey = new Map(wanted.map((peer) => [sessionKey(peer), peer]));
    const names = new Set(wanted.map(peerName));
    for (const [key, peer] of peers) {
      if (!byKey.has(key)) remove(key, peer, names.has(peer.name));
    }
    for (const [key, peer] of byKey) if (!peers.has(key)) begin(key, peer);
  }

  function tell(changed: readonly Prefix[]): void {
    if (changed.length > 0) { for (const peer of peers.values()) peer.touch(changed); }
  }

  async function untilStopped(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    // Routes go before the session does: a peer with graceful restart would keep them (RFC 8538).
    for (const peer of peers.values()) peer.withdrawAll();
    await bfd.adminDown().catch(() => undefined);
    const say = shutdown(
      CEASE.administrativeShutdown,
      `herald on ${options.nodeName} is stopping`,
    );
    await Promise.all([...[...peers.values()].map((peer) => peer.stop(say)), ...ending]);
    await bfd.done;
    stopLoop.abort();
    await loop.done;
    libc[Symbol.dispose]();
  }

  return {
    update(config, labels, changes) {
      if (signal.aborted) return;
      const changed = new Set(config === current ? [] : routes.setConfig(config));
      for (const [ip, announced] of changes) {
        for (const prefix of routes.setAnnounced(ip, announced)) changed.add(prefix);
      }
      tell([...changed]);
      // Peers last: a new session begins with the whole table.
      current = config;
      const wanted = config.peers.filter(({ nodeSelectors }) =>
        selectsLabels(nodeSelectors, labels)
      );
      setPeers(wanted);
      bfd.setPeers(wanted.map((peer) => ({ peer, name: peerName(peer) })), config.bfdProfiles);
    },
    status() {
      const states = bfd.states();
      return [...peers.values()].map(({ peer, name, record, retryAt }) => ({
        peer: name,
        asn: peer.peerAsn,
        ...record.status(),
        nextAttemptInMs: waitOf(retryAt()),
        bfd: peer.bfdProfile === undefined ? undefined : states.get(name) ?? "Down",
      }));
    },
    bfdProblem: () => bfd.problem(),
    routesOf: (ip) =>
      routes.routesOf(ip).flatMap(({ prefix, attributes }) =>
        [...peers.values()].map((one) => {
          const terms = one.terms();
          const route = `${formatPrefix(prefix)} to ${one.name}`;
          if (terms === undefined) return `${route}: the session is not established`;
          const form = formFor(familyOf(ip), attributes, terms);
          if (form === "family-not-agreed") return `${route}: the peer takes no IPv${familyOf(ip)}`;
          return form === "no-next-hop"
            ? `${route}: this node has no IPv${familyOf(ip)} address there for a next hop`
            : `${route}: told`;
        })
      ),
    done: Promise.all([untilStopped(), loop.done, bfd.done]).then(() => undefined),
  };
}

function waitOf(retryAt: number | undefined): number | undefined {
  return retryAt === undefined ? undefined : Math.max(0, Math.round(retryAt - systemClock.now()));
}
