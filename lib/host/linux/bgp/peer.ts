import type { Instant, Millis } from "../../../base/time.ts";
import {
  type AdjRibOut,
  createAdjRibOut,
  drain,
  resend,
  type RouteTerms,
} from "../../../bgp/adj_rib_out.ts";
import { nextDeadline, step } from "../../../bgp/fsm.ts";
import {
  createSession,
  type Session,
  type SessionAction,
  type SessionEvent,
} from "../../../bgp/session.ts";
import { decodeMessage, encodeRouteRefresh } from "../../../bgp/message.ts";
import { afiOf } from "../../../bgp/nlri.ts";
import { MAX_MESSAGE_LENGTH } from "../../../bgp/frame.ts";
import type { Negotiated } from "../../../bgp/negotiate.ts";
import { CEASE, type Notification } from "../../../bgp/notification.ts";
import { createRib, type Rib } from "../../../bgp/rib.ts";
import { encodeEndOfRib } from "../../../bgp/update.ts";
import { errorText } from "../../../base/errors.ts";
import type { Peer } from "../../../config/types.ts";
import type { Family, Ip } from "../../../net/ip.ts";
import type { Prefix } from "../../../net/prefix.ts";
import { type Machine, runMachine } from "../../process/machine.ts";
import { type BgpConnection, type ConnectionContext, openConnection } from "./connection.ts";
import type { PeerRecord } from "./record.ts";
import { nextHopsAt, routerIdAt } from "./local_addresses.ts";
import type { TcpTarget } from "./socket.ts";

/** What a peer needs of its surroundings. */
interface PeerOptions extends ConnectionContext {
  readonly peer: Peer;
  /** `address:port`, as metrics and logs name it. */
  readonly name: string;
  readonly nodeName: string;
  readonly rib: Rib;
  readonly record: PeerRecord;
  /** The peer was told of other routes than before. */
  readonly onTold: () => void;
}

/** One peer at work: machine, connection and what was told to it. */
export interface BgpPeer {
  readonly peer: Peer;
  readonly name: string;
  readonly record: PeerRecord;
  /** The terms in force; undefined while the session is not established. */
  terms(): RouteTerms | undefined;
  /** Whether it was told the route in this session, and not that it is gone. */
  isTold(prefix: Prefix): boolean;
  /** When the next attempt is due, in monotonic time. */
  retryAt(): Instant | undefined;
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

interface Running extends PeerOptions {
  readonly session: Session;
  readonly machine: Machine<SessionEvent>;
  readonly refreshedAt: Map<Family, Instant>;
  connection: BgpConnection | undefined;
  /** Our end of the connection. */
  local: Ip | undefined;
  terms: RouteTerms | undefined;
  adj: AdjRibOut;
  /** Settles when the last connection is closed. */
  closing: Promise<void>;
}

/** Starts a peer: it connects at once, and again after each failure, until it is stopped. */
export function startPeer(options: PeerOptions): BgpPeer {
  const { peer, name, record, clock } = options;
  const stopped = new AbortController();
  const session = createSession(peer);
  const running: Running = {
    ...options,
    session,
    machine: runMachine<SessionEvent, SessionAction>({
      step: (event, now) => step(session, event, now, clock.random),
      nextDeadline: () => nextDeadline(session),
      perform: (action) => perform(running, action),
      tick: { kind: "tick" },
      beforeTick: () => running.connection?.readNow(),
      after: () => record.phase(session.phase),
      clock,
      signal: stopped.signal,
    }),
    refreshedAt: new Map(),
    connection: undefined,
    local: undefined,
    terms: undefined,
    adj: createAdjRibOut(),
    closing: Promise.resolve(),
  };
  running.machine.feed({ kind: "start" });
  return {
    peer,
    name,
    record,
    terms: () => running.terms,
    isTold: (prefix) => running.terms !== undefined && running.adj.sent.has(prefix),
    retryAt: () => session.retryAt,
    touch: (prefixes) => touch(running, prefixes),
    bfdDown: () => running.machine.feed({ kind: "bfd-down" }),
    withdrawAll: () => withdrawAll(running),
    async stop(say) {
      // RFC 4724 §4: without a NOTIFICATION the peer keeps the routes until this speaker is back.
      const silent = keepsRoutes(session) && say?.subcode === CEASE.administrativeShutdown;
      running.machine.feed({ kind: "stop", say: silent ? undefined : say });
      stopped.abort();
      await running.closing;
    },
  };
}

function perform(running: Running, action: SessionAction): void {
  const { connection, record } = running;
  switch (action.kind) {
    case "connect":
      return connect(running);
    case "send":
      connection?.send(action.bytes);
      return record.sent(action.what);
    case "close":
      if (action.bytes !== undefined) record.sent("notification");
      running.closing = connection?.close(action.bytes) ?? running.closing;
      running.connection = undefined;
      return;
    case "established":
      return establish(running, action.negotiated);
    case "refresh":
      return refresh(running, action.family);
    case "down":
      running.terms = undefined;
      running.adj = createAdjRibOut();
      record.down(action);
      count(running);
      if (action.wasEstablished) running.onTold();
  }
}

function connect(running: Running): void {
  const { peer, machine, record } = running;
  record.attempt();
  try {
    running.connection = openConnection(running, targetOf(peer), {
      onConnected(ip) {
        running.local = ip;
        const routerId = peer.routerId ?? routerIdAt(ip, running.nodeName);
        record.connected(ip, routerId);
        machine.feed({ kind: "connected", routerId });
      },
      onMessage: (bytes) => onMessage(running, bytes),
      onFault: (fault) => machine.feed({ kind: "fault", fault }),
      onBlocked(blocked) {
        machine.feed({ kind: "blocked", blocked });
        if (!blocked) flush(running);
      },
      onClosed: (why) => machine.feed({ kind: "disconnected", reason: closedText(peer, why) }),
    });
  } catch (error) {
    machine.feed({ kind: "disconnected", reason: errorText(error) });
  }
}

function onMessage({ peer, session, machine, record }: Running, bytes: Uint8Array): void {
  const message = decodeMessage(bytes, {
    asnBytes: session.negotiated?.asnBytes ?? 4,
    ebgp: isExternal(peer),
    maxLength: MAX_MESSAGE_LENGTH,
  });
  record.received(message);
  if (message.kind === "wire-error") machine.feed({ kind: "fault", fault: message });
  else machine.feed({ kind: "message", message });
}

function establish(running: Running, negotiated: Negotiated): void {
  const { peer, local, record, rib } = running;
  if (local === undefined) return;
  const terms = { myAsn: peer.myAsn, ebgp: isExternal(peer), ...negotiated, ...nextHopsAt(local) };
  record.established(negotiated, terms);
  running.terms = terms;
  running.adj = createAdjRibOut();
  resend(running.adj, rib);
  running.adj.trailers = [...negotiated.families].map(encodeEndOfRib);
  flush(running);
}

/** The peer asks for a family's routes again. */
function refresh(running: Running, family: Family): void {
  const { session, refreshedAt, connection, adj, rib, clock } = running;
  const now = clock.now();
  if (now - (refreshedAt.get(family) ?? -Infinity) < REFRESH_EVERY_MS) return;
  refreshedAt.set(family, now);
  if (session.negotiated?.enhancedRefresh) {
    const afi = afiOf(family);
    connection?.send(encodeRouteRefresh({ afi, safi: 1, subtype: 1 }));
    adj.trailers.push(encodeRouteRefresh({ afi, safi: 1, subtype: 2 }));
  }
  resend(adj, rib, family);
  flush(running);
}

function touch(running: Running, prefixes: readonly Prefix[]): void {
  const { terms, adj } = running;
  if (terms === undefined) return;
  for (const prefix of prefixes) if (!adj.pending.has(prefix)) adj.pending.set(prefix, false);
  flush(running);
}

function withdrawAll(running: Running): void {
  const { session, adj } = running;
  if (keepsRoutes(session)) return;
  adj.pending.clear();
  for (const prefix of adj.sent.keys()) adj.pending.set(prefix, false);
  flush(running, createRib());
}

/** Sends what is pending, as far as the peer takes it. */
function flush(running: Running, rib: Rib = running.rib): void {
  const { connection, terms, adj, record, machine } = running;
  let sent = 0;
  let changes = 0;
  while (connection !== undefined && terms !== undefined) {
    if (connection.queuedBytes() > SEND_AHEAD_BYTES) break;
    const { messages, announced, withdrawn } = drain(adj, rib, terms, DRAIN_LIMIT);
    for (const bytes of messages) connection.send(bytes);
    if (messages.length > 0) record.updates(messages.length, announced, withdrawn);
    sent += messages.length;
    changes += announced + withdrawn;
    if (adj.pending.size === 0) break;
  }
  count(running);
  if (changes > 0) running.onTold();
  if (sent > 0) machine.feed({ kind: "updates-sent" });
}

function count({ record, adj }: Running): void {
  record.prefixes(adj.sent.size, adj.pending.size);
}

/** A peer with graceful restart keeps this speaker's routes while it restarts. */
function keepsRoutes({ negotiated }: Session): boolean {
  return (negotiated?.keptOnRestart.size ?? 0) > 0;
}

function isExternal({ myAsn, peerAsn }: Peer): boolean {
  return myAsn !== peerAsn;
}

/** eBGP goes to a neighbour one hop away unless it is told otherwise (RFC 4271 §5.1.3, RFC 5082). */
function mustBeNeighbour(peer: Peer): boolean {
  return isExternal(peer) && !peer.ebgpMultihop && !peer.ttlSecurity;
}

function targetOf(peer: Peer): TcpTarget {
  return {
    peer: peer.peerAddress,
    port: peer.peerPort,
    interfaceName: peer.peerInterface,
    source: peer.sourceAddress,
    password: peer.passwordFile === undefined ? peer.password : readKey(peer.passwordFile),
    ttl: peer.ttlSecurity ? 255 : mustBeNeighbour(peer) ? 1 : undefined,
    minimumTtl: peer.ttlSecurity ? 255 : undefined,
    userTimeoutMs: peer.holdTimeMs || DEFAULT_USER_TIMEOUT_MS,
  };
}

/** MetalLB sets no limit of hops, so its configurations come without the key that lifts this one. */
function closedText(peer: Peer, reason: string): string {
  if (!mustBeNeighbour(peer) || !reason.includes("not reachable")) return reason;
  return `${reason}; a peer more than one hop away needs ebgp-multihop: true`;
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
