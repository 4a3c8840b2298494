import { encodeHead, textAnswer } from "../../http/answer.ts";
import type { KeyPair } from "../process/key_pair.ts";
import type { Line, Wire } from "./connection.ts";

/** The inside of a connection whose TLS ends in this process. */
export interface Tunnel {
  /** In plain text. */
  readonly wire: Line;
  /** Ends it after what was written; settles when the other side has it, or is gone. */
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
/** The first octet of every handshake (RFC 8446 §5.1). */
const HANDSHAKE = 22;
/** A record of TLS at its longest. */
const CHUNK_BYTES = 16_640;

/**
 * Puts TLS between a connection and who answers it, by a socket of its own: what the platform's
 * TLS holds in the middle of a handshake stays open whoever closes it, and keeps its certificate for
 * ever; a plain connection on both sides of it ends when it is closed, and takes that with it. Whoever
 * does not begin a handshake is told, and gets undefined. @throws the error of the connection
 */
export async function openTunnel(
  outside: Line,
  pair: Pick<KeyPair, "certificate" | "key">,
): Promise<Tunnel | undefined> {
  const first = new Uint8Array(CHUNK_BYTES);
  const count = await outside.read(first);
  if (count === null) return undefined;
  if (first[0] !== HANDSHAKE) {
    await writeAll(outside, plainRefusal());
    return undefined;
  }
  const { inside, wire } = await openPair(pair);
  const inward = pump(outside, inside, first, count).finally(() => shut(inside));
  // Told by the side that reads.
  inward.catch(() => {});
  // Where nobody takes it, to the end of it all the same: both sides may wait for the other.
  const outward = pump(inside, outside, new Uint8Array(CHUNK_BYTES), 0).catch(() => drain(inside));
  outward.catch(() => {});
  return {
    wire,
    async close() {
      shut(wire);
      await outward.catch(() => {});
      shut(inside);
    },
  };
}

/** Both ends of a connection on this machine, of which the second speaks TLS. */
async function openPair(
  { certificate, key }: Pick<KeyPair, "certificate" | "key">,
): Promise<{ readonly inside: Deno.TcpConn; readonly wire: Deno.TlsConn }> {
  using listener = Deno.listenTls({ hostname: LOOPBACK, port: 0, cert: certificate, key });
  const inside = await Deno.connect({ hostname: LOOPBACK, port: listener.addr.port });
  try {
    while (true) {
      const wire = await listener.accept();
      if (isSame(wire.remoteAddr, inside.localAddr)) return { inside, wire };
      // Somebody else on this machine, who found the port in this moment.
      shut(wire);
    }
  } catch (error) {
    shut(inside);
    throw error;
  }
}

function isSame(one: Deno.NetAddr, other: Deno.NetAddr): boolean {
  return one.port === other.port && one.hostname === other.hostname;
}

/** Takes what comes until the end of it, for nobody. */
async function drain(from: Wire): Promise<void> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  while (await from.read(buffer) !== null);
}

/** Hands on what comes, after what came already, until the end of it; then says so. */
async function pump(
  from: Wire,
  to: Line,
  buffer: Uint8Array<ArrayBuffer>,
  already: number,
): Promise<void> {
  for (let count: number | null = already; count !== null; count = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, count));
  }
  await to.closeWrite();
}

function plainRefusal(): Uint8Array<ArrayBuffer> {
  const answer = textAnswer(400, "this port speaks HTTPS: a probe needs scheme: HTTPS\n");
  const date = new Date().toUTCString();
  const head = encodeHead(answer, { date, keepAlive: false });
  return new Uint8Array([...head, ...answer.body]);
}

async function writeAll(to: Wire, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

function shut(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
