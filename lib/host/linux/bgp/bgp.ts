import { type Libc, openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { EPOLL } from "../../../../ffi/epoll.ts";
import { STREAM } from "../../../../ffi/tcp.ts";
import type { Instant } from "../../../base/time.ts";
import { formFor, type RouteTerms } from "../../../bgp/adj_rib_out.ts";
import { CEASE, CODE, notification, shutdown } from "../../../bgp/notification.ts";
import type { RouteAttributes } from "../../../bgp/rib.ts";
import { selectsLabels } from "../../../config/selectors.ts";
import { peerName, sessionKey } from "../../../config/sessions.ts";
import type { Config, Peer } from "../../../config/types.ts";
import { type Family, familyOf, type Ip } from "../../../net/ip.ts";
import { formatPrefix, type Prefix } from "../../../net/prefix.ts";
import { createRoutes, type Routes, type RouteWish } from "../../../speaker/routes.ts";
import { aborted, type Clock } from "../../process/clock.ts";
import type { Log } from "../../process/log.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { PeerStatus } from "../../../status/types.ts";
import { startBfd } from "../bfd/bfd.ts";
import type { PartWorker } from "../worker/link.ts";
import { type BfdPeers, startBfdPeers } from "../bfd/peers.ts";
import { type BgpPeer, startPeer } from "./peer.ts";
import { createPeerRecord } from "./record.ts";
import { type EventLoop, startEventLoop } from "./event_loop.ts";

interface BgpOptions {
  readonly nodeName: string;
  /** For BFD, once a peer asks for it. */
  readonly worker: PartWorker;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** What some peer was told is another than before. */
  readonly onTold: () => void;
}

type RouteChanges = Iterable<readonly [ip: Ip, routes: readonly RouteWish[]]>;

/** BGP at work on this node. */
export interface Bgp {
  /**
   * The configuration and this node's labels say which peers there are and what is told to them;
   * `changes` are addresses with all that this node tells of them from now on.
   */
  update(
    config: Config,
    labels: ReadonlyMap<string, string>,
    changes: RouteChanges,
  ): void;
  status(): readonly PeerStatus[];
  /** Which peers are told an address's routes, one sentence each. */
  routesOf(ip: Ip): readonly string[];
  /** Whether at least one peer was told a route of the address: it is on the wire. */
  isTold(ip: Ip): boolean;
  /** Why BFD watches no peer any more; undefined when it does, or need not. */
  bfdProblem(): string | undefined;
  readonly done: Promise<void>;
}

interface Running extends BgpOptions {
  readonly libc: Libc<typeof SOCKET & typeof POLL & typeof STREAM & typeof EPOLL>;
  readonly loop: EventLoop;
  readonly routes: Routes;
  /** By all that a new session needs: a peer with another key is another peer. */
  readonly peers: Map<string, BgpPeer>;
  /** Connections of removed peers that are still being closed. */
  readonly ending: Set<Promise<void>>;
}

/** Starts BGP without peers. On the signal it takes all routes back and says goodbye. */
export function startBgp(options: BgpOptions, signal: AbortSignal): Bgp {
  const { log, metrics, clock } = options;
  const libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...EPOLL });
  const stopLoop = new AbortController();
  const loop = startEventLoop(libc, stopLoop.signal);
  const peers = new Map<string, BgpPeer>();
  const bfd = startBfdPeers({
    start: (hooks) => startBfd(options.worker, hooks),
    log,
    metrics: metrics.bfd,
    clock,
    onDown: (name) => {
      for (const peer of peers.values()) if (peer.name === name) peer.bfdDown();
    },
  }, signal);
  const running: Running = {
    ...options,
    libc,
    loop,
    routes: createRoutes(),
    peers,
    ending: new Set(),
  };

  async function untilStopped(): Promise<void> {
    await aborted(signal);
    await sayGoodbye(running, bfd);
    await bfd.done;
    stopLoop.abort();
    await loop.done;
    libc[Symbol.dispose]();
  }

  return {
    update(config, labels, changes) {
      if (signal.aborted) return;
      setRoutes(running, changes);
      // Peers last: a new session begins with the whole table.
      const wanted = config.peers.filter(({ nodeSelectors }) =>
        selectsLabels(nodeSelectors, labels)
      );
      setPeers(running, wanted);
      bfd.setPeers(wanted.map((peer) => ({ peer, name: peerName(peer) })), config.bfdProfiles);
    },
    status: () => [...peers.values()].map((peer) => statusOf(peer, bfd.states(), clock.now())),
    bfdProblem: () => bfd.problem(),
    routesOf: (ip) => routesOf(running, ip),
    isTold: (ip) => isTold(running, ip),
    done: Promise.all([untilStopped(), loop.done, bfd.done]).then(() => undefined),
  };
}

function setRoutes({ routes, peers }: Running, changes: RouteChanges): void {
  const changed = new Set<Prefix>();
  for (const [ip, wishes] of changes) {
    for (const prefix of routes.setRoutes(ip, wishes)) changed.add(prefix);
  }
  if (changed.size === 0) return;
  for (const peer of peers.values()) peer.touch([...changed]);
}

function setPeers(running: Running, wanted: readonly Peer[]): void {
  const { peers } = running;
  const byKey = new Map(wanted.map((peer) => [sessionKey(peer), peer]));
  const names = new Set(wanted.map(peerName));
  for (const [key, peer] of peers) {
    if (!byKey.has(key)) remove(running, key, peer, names.has(peer.name));
  }
  for (const [key, peer] of byKey) if (!peers.has(key)) begin(running, key, peer);
}

function begin(running: Running, key: string, peer: Peer): void {
  const { nodeName, log, metrics, libc, loop, clock, onTold, routes: { rib } } = running;
  const name = peerName(peer);
  const record = createPeerRecord(name, { log, metrics: metrics.bgp, clock });
  log.info({ peer: name, asn: peer.peerAsn }, "BGP peer configured");
  const options = { peer, name, nodeName, libc, loop, clock, rib, record, onTold };
  running.peers.set(key, startPeer(options));
}

function remove({ peers, ending }: Running, key: string, peer: BgpPeer, replaced: boolean): void {
  peers.delete(key);
  const subcode = replaced ? CEASE.configurationChange : CEASE.peerDeconfigured;
  peer.withdrawAll();
  const ended = peer.stop(notification(CODE.cease, subcode));
  if (!replaced) peer.record.forget();
  ending.add(ended);
  void ended.then(() => ending.delete(ended));
}

async function sayGoodbye({ nodeName, peers, ending }: Running, bfd: BfdPeers): Promise<void> {
  // Routes go before the session does: a peer with graceful restart would keep them (RFC 8538).
  for (const peer of peers.values()) peer.withdrawAll();
  await bfd.adminDown().catch(() => undefined);
  const say = shutdown(CEASE.administrativeShutdown, `herald on ${nodeName} is stopping`);
  await Promise.all([...[...peers.values()].map((peer) => peer.stop(say)), ...ending]);
}

function statusOf(one: BgpPeer, states: ReadonlyMap<string, string>, now: Instant): PeerStatus {
  const { peer, name, record } = one;
  const retryAt = one.retryAt();
  return {
    peer: name,
    asn: peer.peerAsn,
    ...record.status(),
    nextAttemptInMs: retryAt === undefined ? undefined : Math.max(0, Math.round(retryAt - now)),
    bfd: peer.bfdProfile === undefined ? undefined : states.get(name) ?? "Down",
  };
}

/** Several addresses may wish for equal prefixes: peers know one object for all of them. */
function isTold({ routes: { rib, routesOf }, peers }: Running, ip: Ip): boolean {
  return routesOf(ip).some((wish) => {
    const prefix = rib.interned(wish.prefix);
    return prefix !== undefined && peers.values().some((peer) => peer.isTold(prefix));
  });
}

function routesOf({ routes, peers }: Running, ip: Ip): string[] {
  return routes.routesOf(ip).flatMap(({ prefix, attributes }) =>
    [...peers.values()].map((peer) =>
      `${formatPrefix(prefix)} to ${peer.name}: ${toldOf(familyOf(ip), attributes, peer.terms())}`
    )
  );
}

/** Whether a peer on these terms is told a route, or why not. */
function toldOf(
  family: Family,
  attributes: RouteAttributes,
  terms: RouteTerms | undefined,
): string {
  if (terms === undefined) return "the session is not established";
  const form = formFor(family, attributes, terms);
  if (form === "family-not-agreed") return `the peer takes no IPv${family}`;
  return form === "no-next-hop"
    ? `this node has no IPv${family} address there for a next hop`
    : "told";
}
