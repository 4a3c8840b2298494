import { createSocket } from "node:dgram";
import { errorText, isWireError } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { GossipMessage, NodeState } from "../../gossip/message.ts";
import { encodeMessage } from "../../gossip/message.ts";
import { openPacket, sealPacket } from "../../gossip/packet.ts";
import { NONCE_LENGTH } from "../../gossip/seal.ts";
import type { Endpoint } from "../../gossip/state.ts";
import {
  encodePushPull,
  MAX_STREAM,
  openStream,
  sealStream,
  type StreamContent,
} from "../../gossip/stream.ts";
import { familyOf, formatIp, type Ip, parseIp } from "../../net/ip.ts";

export interface GossipTransportOptions {
  readonly bind: Endpoint;
  readonly keys: readonly Uint8Array[];
  readonly onMessage: (message: GossipMessage, from: Endpoint) => void;
  /** A push/pull of another member came: what it knows; gives what we know. */
  readonly onPushPull: (nodes: readonly NodeState[]) => readonly NodeState[];
  /** Input that was refused; the reason is a metric label. */
  readonly onRefused: (reason: string, detail: string, from: string) => void;
}

/** Datagrams and streams of gossip. */
export interface GossipTransport extends AsyncDisposable {
  send(to: Endpoint, messages: readonly GossipMessage[], crc: boolean): void;
  /** Exchanges states; gives those of the other. @throws Error when it cannot be reached */
  pushPull(to: Endpoint, join: boolean, own: readonly NodeState[]): Promise<readonly NodeState[]>;
  /** Whether the member answered a ping by TCP. */
  tcpPing(to: Endpoint, node: string, sequence: number, timeoutMs: Millis): Promise<boolean>;
}

/** memberlist's TCP timeout. */
const STREAM_MS: Millis = 10_000;
/** So many are served at a time: each may hold 20 MiB. The others wait in the kernel's queue. */
const MAX_STREAMS = 16;
const FIRST_ROOM = 64 * 1024;

/** Opens the UDP and the TCP socket. @throws Error when the address is not ours or a port is taken */
export async function openGossipTransport(
  options: GossipTransportOptions,
): Promise<GossipTransport> {
  const { bind, keys } = options;
  const hostname = formatIp(bind.address);
  const sealing = { keys, compress: true };
  const nonce = () => crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
  const udp = createSocket(familyOf(bind.address) === 4 ? "udp4" : "udp6");
  await new Promise<void>((resolve, reject) => {
    udp.once("error", reject);
    udp.bind(bind.port, hostname, () => resolve());
  });
  udp.removeAllListeners("error");
  udp.on("error", (error) => options.onRefused("socket", errorText(error), hostname));
  udp.on("message", (bytes: Uint8Array, { address, port }) => {
    const from = parseIp(address.split("%")[0] ?? "");
    if (from !== undefined) receive(bytes, { address: from, port });
  });
  let listener: Deno.Listener;
  try {
    listener = Deno.listen({ hostname, port: bind.port });
  } catch (error) {
    udp.close();
    throw error;
  }
  const streams = new Set<Deno.Conn>();
  let closing = false;

  function receive(bytes: Uint8Array, from: Endpoint): void {
    const messages = openPacket(bytes, { keys });
    if (isWireError(messages)) {
      return options.onRefused(messages.reason, messages.detail, formatIp(from.address));
    }
    for (const message of messages) {
      if (!isWireError(message)) options.onMessage(message, from);
      else options.onRefused(message.reason, message.detail, formatIp(from.address));
    }
  }

  async function accept(): Promise<void> {
    const served = new Set<Promise<void>>();
    for await (const conn of listener) {
      const serving: Promise<void> = serve(conn).finally(() => served.delete(serving));
      served.add(serving);
      // Each ends within its time.
      while (served.size >= MAX_STREAMS) await Promise.race(served);
    }
  }

  async function serve(conn: Deno.Conn): Promise<void> {
    const from = conn.remoteAddr.transport === "tcp" ? conn.remoteAddr.hostname : "?";
    await using stream = held(conn);
    try {
      const content = await readContent(stream.conn, false);
      if (content.kind === "pushPull") {
        const body = encodePushPull(false, options.onPushPull(content.nodes));
        await writeAll(conn, sealStream(body, { ...sealing, nonce: nonce(), answering: true }));
      } else if (content.kind === "ping") {
        const payload = new Uint8Array();
        const body = encodeMessage({ kind: "ackResp", sequence: content.sequence, payload });
        await writeAll(conn, sealStream(body, { ...sealing, nonce: nonce(), answering: true }));
      }
    } catch (error) {
      if (!closing) options.onRefused(reasonOf(error), errorText(error), from);
    }
  }

  /** Ends after the time for a stream, whatever the other side does. */
  function held(conn: Deno.Conn, timeoutMs = STREAM_MS): { conn: Deno.Conn } & AsyncDisposable {
    streams.add(conn);
    const timer = setTimeout(() => close(conn), timeoutMs);
    return {
      conn,
      [Symbol.asyncDispose]: () => {
        clearTimeout(timer);
        streams.delete(conn);
        close(conn);
        return Promise.resolve();
      },
    };
  }

  async function readContent(conn: Deno.Conn, answering: boolean): Promise<StreamContent> {
    let bytes = new Uint8Array(FIRST_ROOM);
    for (let length = 0; length < MAX_STREAM;) {
      const count = await conn.read(bytes.subarray(length));
      if (count === null) break;
      length += count;
      const content = openStream(bytes.subarray(0, length), { keys, answering });
      if (length === bytes.length) {
        const larger = new Uint8Array(2 * length);
        larger.set(bytes);
        bytes = larger;
      }
      if (content === "incomplete") continue;
      if (isWireError(content)) throw new RefusedStream(content.reason, content.detail);
      if (content.kind === "err") throw new RefusedStream("refused", content.error);
      return content;
    }
    throw new RefusedStream("truncated", "the stream ended early");
  }

  async function converse(
    to: Endpoint,
    body: Uint8Array,
    timeoutMs: Millis,
  ): Promise<StreamContent> {
    const signal = AbortSignal.timeout(timeoutMs);
    const conn = await Deno.connect({ hostname: formatIp(to.address), port: to.port, signal });
    await using stream = held(conn, timeoutMs);
    await writeAll(stream.conn, sealStream(body, { ...sealing, nonce: nonce() }));
    return await readContent(stream.conn, true);
  }

  const accepting = accept().catch(() => undefined);
  return {
    send(to, messages, crc) {
      const bytes = sealPacket(messages.map(encodeMessage), { ...sealing, crc, nonce: nonce() });
      // What cannot be sent is as lost as on the way: a probe finds out.
      udp.send(bytes, to.port, formatIp(to.address), () => undefined);
    },
    async pushPull(to, join, own) {
      const content = await converse(to, encodePushPull(join, own), STREAM_MS);
      return content.kind === "pushPull" ? content.nodes : [];
    },
    async tcpPing(to, node, sequence, timeoutMs) {
      const { address: sourceAddress, port: sourcePort } = bind;
      const source = { sourceAddress, sourcePort, sourceNode: "" };
      const body = encodeMessage({ kind: "ping", sequence, node, ...source });
      const content = await converse(to, body, timeoutMs).catch(() => undefined);
      return content?.kind === "ackResp" && content.sequence === sequence;
    },
    async [Symbol.asyncDispose]() {
      closing = true;
      listener.close();
      streams.forEach(close);
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      await accepting;
    },
  };
}

class RefusedStream extends Error {
  constructor(readonly reason: string, detail: string) {
    super(detail);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof RefusedStream ? error.reason : "stream";
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

/** An address that members can reach, for whoever names none: the one that leads to the first. */
export function ownAddressFor(others: readonly Ip[]): Ip | undefined {
  const own = Deno.networkInterfaces()
    .filter(({ address, name }) => name !== "lo" && !address.startsWith("fe80:"))
    .map(({ address }) => parseIp(address)).filter((ip) => ip !== undefined);
  const [first] = others;
  return own.find((ip) => first !== undefined && familyOf(ip) === familyOf(first)) ?? own[0];
}
