import { createSocket, type Socket } from "node:dgram";
import { errorText, isWireError } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Exchange, JoinFailure } from "../../gossip/join.ts";
import { encodeMessage, type GossipMessage, type NodeState } from "../../gossip/message.ts";
import { openPacket, sealPacket } from "../../gossip/packet.ts";
import { NONCE_LENGTH } from "../../gossip/seal.ts";
import type { Endpoint } from "../../gossip/state.ts";
import { encodePushPull, sealStream, type StreamContent } from "../../gossip/stream.ts";
import { createStreamReader } from "../../gossip/stream_reader.ts";
import { familyOf, formatIp, parseIp } from "../../net/ip.ts";
import type { Clock } from "../process/clock.ts";
import { type Caller, callerOf, mayServe } from "./callers.ts";
import { type Door, type Household, openDoor, type OpenGuard } from "./door.ts";

interface GossipTransportOptions {
  readonly bind: Endpoint;
  readonly keys: readonly Uint8Array[];
  readonly clock: Clock;
  readonly openGuard?: OpenGuard | undefined;
}

/** Takes what the sockets receive. */
export interface GossipService extends Household {
  onMessage(message: GossipMessage, from: Endpoint): void;
  /** Another member began a push/pull with what it knows; gives what this node knows. */
  onPushPull(nodes: readonly NodeState[]): readonly NodeState[];
  /** Input was refused; the reason is a metric label. */
  onRefused(reason: string, detail: string, from: string): void;
}

/** Datagrams and streams of gossip. */
export interface GossipTransport extends AsyncDisposable {
  /** From here on datagrams are read and streams answered. */
  serve(service: GossipService): void;
  send(to: Endpoint, messages: readonly GossipMessage[], crc: boolean): void;
  /** Exchanges states; gives those of the other. */
  pushPull(to: Endpoint, join: boolean, own: readonly NodeState[]): Promise<Exchange>;
  /** Whether the member answered a ping by TCP. */
  tcpPing(to: Endpoint, node: string, sequence: number, timeoutMs: Millis): Promise<boolean>;
}

/** The open sockets and the streams under way. */
interface Sockets extends GossipTransportOptions {
  readonly udp: Socket;
  readonly listener: Deno.Listener;
  readonly streams: Set<Deno.Conn>;
  door: Door | undefined;
  accepting: Promise<void>;
  closing: boolean;
}

interface Refusal {
  readonly kind: "refused";
  readonly reason: string;
  readonly detail: string;
}

/** memberlist's TCP timeout. */
const STREAM_MS: Millis = 10_000;
/** Whoever opens a stream says something by then. */
const FIRST_OCTETS_MS: Millis = 1_000;
/** So many are served at a time: each may hold 20 MiB. The others wait in the kernel's queue. */
const MAX_STREAMS = 16;

/** Opens the UDP and the TCP socket. @throws Error when the address is not ours or a port is taken */
export async function openGossipTransport(
  options: GossipTransportOptions,
): Promise<GossipTransport> {
  const sockets = await openSockets(options);
  return {
    serve: (service) => serve(sockets, service),
    send: (to, messages, crc) => send(sockets, to, messages, crc),
    pushPull: (to, join, own) => pushPull(sockets, to, join, own),
    tcpPing: (to, node, sequence, timeoutMs) => tcpPing(sockets, to, node, sequence, timeoutMs),
    [Symbol.asyncDispose]: () => closeAll(sockets),
  };
}

async function openSockets(options: GossipTransportOptions): Promise<Sockets> {
  const { address, port } = options.bind;
  const hostname = formatIp(address);
  const udp = createSocket(familyOf(address) === 4 ? "udp4" : "udp6");
  await new Promise<void>((resolve, reject) => {
    udp.once("error", reject);
    udp.bind(port, hostname, () => resolve());
  });
  try { // The kernel chose the port where none was named.
    const bind = { address, port: udp.address().port };
    const listener = Deno.listen({ hostname, port: bind.port });
    const begun = { door: undefined, accepting: Promise.resolve(), closing: false };
    return { ...options, bind, udp, listener, streams: new Set(), ...begun };
  } catch (error) {
    await closeSocket(udp);
    throw error;
  }
}

function closeSocket(udp: Socket): Promise<void> {
  return new Promise((resolve) => udp.close(() => resolve()));
}

async function closeAll(sockets: Sockets): Promise<void> {
  const { udp, listener, streams, accepting } = sockets;
  sockets.closing = true;
  listener.close();
  streams.forEach(close);
  sockets.door?.[Symbol.dispose]();
  await closeSocket(udp);
  await accepting;
}

function serve(sockets: Sockets, service: GossipService): void {
  const { udp, bind, keys } = sockets;
  const door = sockets.door = openDoor(sockets, service);
  udp.removeAllListeners("error");
  udp.on("error", (error) => service.onRefused("socket", errorText(error), formatIp(bind.address)));
  udp.on("message", (bytes: Uint8Array, { address, port }) => {
    const from = parseIp(address.split("%")[0] ?? "");
    // Port 0 is nobody's: nothing could be sent back to it.
    if (from === undefined || port === 0 || !door.lets(from)) return;
    receive(bytes, keys, { address: from, port }, service);
  });
  sockets.accepting = accept(sockets, door, service).catch(() => undefined);
}

function receive(
  bytes: Uint8Array,
  keys: readonly Uint8Array[],
  from: Endpoint,
  service: GossipService,
): void {
  const messages = openPacket(bytes, { keys });
  for (const message of isWireError(messages) ? [messages] : messages) {
    if (!isWireError(message)) service.onMessage(message, from);
    else service.onRefused(message.reason, message.detail, formatIp(from.address));
  }
}

async function accept(sockets: Sockets, door: Door, service: GossipService): Promise<void> {
  const served = new Map<Promise<void>, Caller>();
  for await (const conn of sockets.listener) {
    const caller = callerOf(conn.remoteAddr, door.expects);
    if (!mayServe(caller, [...served.values()])) {
      close(conn);
      service.onRefused("too-many-streams", "more streams than one address may have", caller.from);
      continue;
    }
    const serving: Promise<void> = answer(sockets, service, conn, caller.from)
      .finally(() => served.delete(serving));
    served.set(serving, caller);
    // Each ends within its time.
    while (served.size >= MAX_STREAMS) await Promise.race(served.keys());
  }
}

async function answer(
  sockets: Sockets,
  service: GossipService,
  conn: Deno.Conn,
  from: string,
): Promise<void> {
  using stream = keep(sockets, conn, FIRST_OCTETS_MS);
  try {
    const content = await readContent(sockets, conn, () => stream.extend(STREAM_MS));
    if (content.kind === "refused") {
      if (!sockets.closing) service.onRefused(content.reason, content.detail, from);
    } else if (content.kind === "pushPull") {
      const body = encodePushPull(false, service.onPushPull(content.nodes));
      await writeAll(conn, seal(sockets, body));
    } else if (content.kind === "ping") {
      const payload = new Uint8Array();
      const body = encodeMessage({ kind: "ackResp", sequence: content.sequence, payload });
      await writeAll(conn, seal(sockets, body));
    }
  } catch (error) {
    if (!sockets.closing) service.onRefused("stream", errorText(error), from);
  }
}

function send(
  { keys, udp }: Sockets,
  to: Endpoint,
  messages: readonly GossipMessage[],
  crc: boolean,
): void {
  const sealing = { keys, compress: true, crc, nonce: freshNonce() };
  const bytes = sealPacket(messages.map(encodeMessage), sealing);
  // A packet that cannot be sent is as lost as one on the way: a probe notices.
  udp.send(bytes, to.port, formatIp(to.address), () => undefined);
}

async function pushPull(
  sockets: Sockets,
  to: Endpoint,
  join: boolean,
  own: readonly NodeState[],
): Promise<Exchange> {
  let kind: JoinFailure = "no stream";
  try {
    const onStream = () => void (kind = "no answer");
    const content = await converse(sockets, to, encodePushPull(join, own), STREAM_MS, onStream);
    if (content.kind === "refused") return { kind, detail: content.detail };
    return { kind: "states", nodes: content.kind === "pushPull" ? content.nodes : [] };
  } catch (error) {
    return { kind, detail: errorText(error) };
  }
}

async function tcpPing(
  sockets: Sockets,
  to: Endpoint,
  node: string,
  sequence: number,
  timeoutMs: Millis,
): Promise<boolean> {
  const { address: sourceAddress, port: sourcePort } = sockets.bind;
  const source = { sourceAddress, sourcePort, sourceNode: "" };
  const body = encodeMessage({ kind: "ping", sequence, node, ...source });
  const content = await converse(sockets, to, body, timeoutMs).catch(() => undefined);
  return content?.kind === "ackResp" && content.sequence === sequence;
}

async function converse(
  sockets: Sockets,
  to: Endpoint,
  body: Uint8Array,
  timeoutMs: Millis,
  onStream: () => void = () => undefined,
): Promise<StreamContent | Refusal> {
  const signal = AbortSignal.timeout(timeoutMs);
  const conn = await Deno.connect({ hostname: formatIp(to.address), port: to.port, signal });
  onStream();
  using _ = keep(sockets, conn, timeoutMs);
  await writeAll(conn, seal(sockets, body));
  return await readContent(sockets, conn);
}

/** A stream that ends after its time, whatever the other side does. */
interface KeptStream extends Disposable {
  /** Gives it so long from now on, once. */
  extend(timeoutMs: Millis): void;
}

function keep({ clock, streams }: Sockets, conn: Deno.Conn, timeoutMs: Millis): KeptStream {
  streams.add(conn);
  let cancel = clock.schedule(timeoutMs, () => close(conn));
  let extended = false;
  return {
    extend(timeoutMs) {
      if (extended) return;
      extended = true;
      cancel();
      cancel = clock.schedule(timeoutMs, () => close(conn));
    },
    [Symbol.dispose]() {
      cancel();
      streams.delete(conn);
      close(conn);
    },
  };
}

async function readContent(
  { keys }: Sockets,
  conn: Deno.Conn,
  onOctets: () => void = () => undefined,
): Promise<StreamContent | Refusal> {
  const reader = createStreamReader(keys);
  while (true) {
    const count = await conn.read(reader.room()) ?? 0;
    if (count > 0) onOctets();
    const content = reader.take(count);
    if (content === "incomplete") continue;
    if (isWireError(content)) return { ...content, kind: "refused" };
    const { kind } = content;
    if (kind === "err") return { kind: "refused", reason: "refused", detail: content.error };
    return content;
  }
}

function seal({ keys }: Sockets, body: Uint8Array): Uint8Array {
  return sealStream(body, { keys, compress: true, nonce: freshNonce() });
}

function freshNonce(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // closed already
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}
