import type { Millis } from "../../../base/time.ts";
import {
  type AdjRibOut,
  createAdjRibOut,
  drain,
  type Drained,
  resend,
  type RouteTerms,
} from "../../../bgp/adj_rib_out.ts";
import { createSession, nextDeadline, type SessionAction, step } from "../../../bgp/fsm.ts";
import type { SessionEvent } from "../../../bgp/fsm.ts";
import { afiOf, decodeMessage, encodeRouteRefresh, type Message } from "../../../bgp/message.ts";
import { MAX_MESSAGE_LENGTH } from "../../../bgp/frame.ts";
import type { Negotiated } from "../../../bgp/negotiate.ts";
import type { Notification } from "../../../bgp/notification.ts";
import { createRib, type Rib } from "../../../bgp/rib.ts";
import { encodeEndOfRib } from "../../../bgp/update.ts";
import { errorText } from "../../../base/errors.ts";
import type { Peer } from "../../../config/types.ts";
import type { Family, Ip } from "../../../net/ip.ts";
import type { Prefix } from "../../../net/prefix.ts";
import { systemClock } from "../../process/clock.ts";
import { type BgpConnection, openConnection } from "./connection.ts";
import type { PeerRecord } from "./record.ts";
import type { EventLoop } from "./event_loop.ts";
import { nextHopsAt, routerIdAt } from "./local_addresses.ts";
import type { TcpLibc, TcpTarget } from "./socket.ts";

/** What a peer needs of its surroundings. */
export interface PeerOptions {
  readonly peer: Peer;
  /** `address:port`, as metrics and logs name it. */
  readonly name: string;
  readonly nodeName: string;
  readonly libc: TcpLibc;
  readonly loop: EventLoop;
  readonly rib: Rib;
  readonly record: PeerRecord;
}

/** One peer at work: machine, connection and what was told to it. */
export interface BgpPeer {
  readonly peer: Peer;
  readonly name: string;
  readonly record: PeerRecord;
  /** The terms in force; undefined while the session is not established. */
  terms(): RouteTerms | undefined;
  /** When the next attempt is due, in monotonic time. */
  retryAt(): Millis | undefined;
  /** These routes may have changed; the rest is as told. */
  touch(prefixes: readonly Prefix[]): void;
  /** The path is down by BFD. */
  bfdDown(): void;
  /** Takes all routes back from the peer; a session with graceful restart keeps its own. */
  withdrawAll(): void;
  /** Ends for good; settles when the connection is closed. */
  stop(say: Notification | undefined): Promise<void>;
}

/** Where bytes wait beyond that, routes stay pending until the peer has taken some. */
const SEND_AHEAD_BYTES = 65_536;
/** Routes turned into messages at once: some 80 KiB for IPv4. */
const DRAIN_LIMIT = 16_384;
const DEFAULT_USER_TIMEOUT_MS: Millis = 20_000;
/** A family's refresh is answered at most that often. */
const REFRESH_EVERY_MS: Millis = 1_000;

/** Starts a peer: it connects at once, and again after each failure, until it is stopped. */
export function startPeer(options: PeerOptions): BgpPeer {
  const { peer, loop, libc, rib, record } = options;
  const session = createSession(peer);
  const nothing = createRib();
  let adj: AdjRibOut = createAdjRibOut();
  let terms: RouteTerms | undefined;
  let local: Ip | undefined;
  let connection: BgpConnection | undefined;
  let closing: Promise<void> = Promise.resolve();
  let timer: number | undefined;
  const refreshedAt = new Map<Family, Millis>();

  function advance(event: SessionEvent): void {
    for (const action of step(session, event, systemClock.now(), Math.random)) perform(action);
    record.phase(session.phase);
    clearTimeout(timer);
    const deadline = nextDeadline(session);
    if (deadline === undefined) return;
    timer = setTimeout(onTimer, Math.max(0, Math.min(deadline - systemClock.now(), 2 ** 31 - 1)));
  }

  function onTimer(): void {
    // What came while this thread was busy counts before the time that passed.
    connection?.readNow();
    advance({ kind: "tick" });
  }

  function perform(action: SessionAction): void {
    switch (action.kind) {
      case "connect":
        return connect();
      case "send":
        connection?.send(action.bytes);
        return record.sent(action.what);
      case "close":
        if (action.bytes !== undefined) record.sent("notification");
        closing = connection?.close(action.bytes) ?? closing;
        connection = undefined;
        return;
      case "established":
        return establish(action.negotiated);
      case "refresh":
        return refresh(action.family);
      case "down":
        terms = undefined;
        adj = createAdjRibOut();
        record.down(action);
        return count();
    }
  }

  function connect(): void {
    record.attempt();
    try {
      connection = openConnection(libc, loop, targetOf(peer), MAX_MESSAGE_LENGTH, {
        onConnected(ip) {
          local = ip;
          const routerId = peer.routerId ?? routerIdAt(ip, options.nodeName);
          record.connected(ip, routerId);
          advance({ kind: "connected", routerId });
        },
        onMessage,
        onFault: (fault) => advance({ kind: "fault", fault }),
        onBlocked(blocked) {
          advance({ kind: "blocked", blocked });
          if (!blocked) flush();
        },
        onClosed: (reason) => advance({ kind: "disconnected", reason }),
      });
    } catch (error) {
      const reason = errorText(error);
      queueMicrotask(() => advance({ kind: "disconnected", reason }));
    }
  }

  function onMessage(bytes: Uint8Array): void {
    const message: Message | ReturnType<typeof decodeMessage> = decodeMessage(bytes, {
      asnBytes: session.negotiated?.asnBytes ?? 4,
      ebgp: peer.myAsn !== peer.peerAsn,
      maxLength: MAX_MESSAGE_LENGTH,
    });
    record.received(message);
    if (message.kind === "wire-error") advance({ kind: "fault", fault: message });
    else advance({ kind: "message", message });
  }

  function establish(negotiated: Negotiated): void {
    if (local === undefined) return;
    terms = {
      myAsn: peer.myAsn,
      ebgp: peer.myAsn !== peer.peerAsn,
      ...negotiated,
      ...nextHopsAt(local),
    };
    record.established(negotiated, terms);
    adj = createAdjRibOut();
    resend(adj, rib);
    adj.trailers = [...negotiated.families].map(encodeEndOfRib);
    flush();
  }

  function refresh(family: Family): void {
    const now = systemClock.now();
    const lastAt = refreshedAt.get(family) ?? -Infinity;
    if (now - lastAt < REFRESH_EVERY_MS) return;
    refreshedAt.set(family, now);
    if (session.negotiated?.enhancedRefresh) {
      const afi = afiOf(family);
      connection?.send(encodeRouteRefresh({ afi, safi: 1, subtype: 1 }));
      adj.trailers.push(encodeRouteRefresh({ afi, safi: 1, subtype: 2 }));
    }
    resend(adj, rib, family);
    flush();
  }

  function flush(from: Rib = rib): void {
    while (connection !== undefined && terms !== undefined) {
      if (connection.queuedBytes() > SEND_AHEAD_BYTES) break;
      const drained = drain(adj, from, terms, DRAIN_LIMIT);
      for (const bytes of drained.messages) connection.send(bytes);
      if (drained.messages.length > 0) tellOf(drained);
      if (adj.pending.size === 0) break;
    }
    count();
  }

  function tellOf({ messages, announced, withdrawn }: Drained): void {
    record.updates(messages.length, announced, withdrawn);
    advance({ kind: "updates-sent" });
  }

  function count(): void {
    record.prefixes(adj.sent.size, adj.pending.size);
  }

  advance({ kind: "start" });
  return {
    peer,
    name: options.name,
    record,
    terms: () => terms,
    retryAt: () => session.retryAt,
    touch(prefixes) {
      if (terms === undefined) return;
      for (const prefix of prefixes) {
        if (!adj.pending.has(prefix)) adj.pending.set(prefix, false);
      }
      flush();
    },
    bfdDown: () => advance({ kind: "bfd-down" }),
    withdrawAll() {
      if ((session.negotiated?.keptOnRestart.size ?? 0) > 0) return;
      adj.pending.clear();
      for (const prefix of adj.sent.keys()) adj.pending.set(prefix, false);
      flush(nothing);
    },
    async stop(say) {
      // RFC 4724 §4: without a NOTIFICATION the peer keeps the routes until this speaker is back.
      const silent = (session.negotiated?.keptOnRestart.size ?? 0) > 0 && say?.subcode === 2;
      advance({ kind: "stop", say: silent ? undefined : say });
      clearTimeout(timer);
      await closing;
    },
  };
}

/** eBGP goes to a neighbour one hop away unless it is told otherwise (RFC 4271 §5.1.3, RFC 5082). */
function targetOf(peer: Peer): TcpTarget {
  const neighbour = peer.myAsn !== peer.peerAsn && !peer.ebgpMultihop;
  return {
    peer: peer.peerAddress,
    port: peer.peerPort,
    interfaceName: peer.peerInterface,
    source: peer.sourceAddress,
    password: peer.passwordFile === undefined ? peer.password : readKey(peer.passwordFile),
    ttl: peer.ttlSecurity ? 255 : neighbour ? 1 : undefined,
    minimumTtl: peer.ttlSecurity ? 255 : undefined,
    userTimeoutMs: peer.holdTimeMs || DEFAULT_USER_TIMEOUT_MS,
  };
}

function readKey(path: string): string {
  try {
    const key = Deno.readTextFileSync(path).replace(/\r?\n$/, "");
    if (key === "" || key.length > 80) throw new Error("a key has 1 to 80 bytes");
    return key;
  } catch (error) {
    throw new Error(`password-file ${path} cannot be used: ${errorText(error)}`);
  }
}
