import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Bytes } from "../../../../ffi/libc.ts";
import type { Millis } from "../../../base/time.ts";
import { MAX_MESSAGE_LENGTH, messageLength } from "../../../bgp/frame.ts";
import type { BgpFault } from "../../../bgp/notification.ts";
import type { Ip } from "../../../net/ip.ts";
import type { Clock } from "../../process/clock.ts";
import { localAddress } from "../socket.ts";
import type { EventLoop, Registration } from "./event_loop.ts";
import {
  beginConnect,
  endSending,
  receiveBytes,
  sendBytes,
  socketError,
  type TcpLibc,
  type TcpTarget,
} from "./socket.ts";

/** What all connections of this process share. */
export interface ConnectionContext {
  readonly libc: TcpLibc;
  readonly loop: EventLoop;
  readonly clock: Clock;
}

/** What a connection tells of itself; after `onClosed` it tells nothing. */
interface ConnectionHooks {
  readonly onConnected: (local: Ip) => void;
  /** One whole message; the bytes are the receiver's. */
  readonly onMessage: (bytes: Uint8Array) => void;
  /** The stream holds what is no message. */
  readonly onFault: (fault: BgpFault) => void;
  /** Bytes wait for the peer to take them, or all are gone. */
  readonly onBlocked: (blocked: boolean) => void;
  readonly onClosed: (reason: string) => void;
}

/** A TCP connection to a peer. */
export interface BgpConnection {
  /** Bytes that the kernel has not taken yet. */
  queuedBytes(): number;
  send(bytes: Bytes): void;
  /** Reads what waits now: before a timer is believed that says that nothing came. */
  readNow(): void;
  /**
   * Sends the last bytes, waits for the peer's FIN and closes: closing with unread input would send
   * RST and lose the last bytes. Settles when the socket is closed.
   */
  close(last: Bytes | undefined): Promise<void>;
}

interface Connection {
  readonly context: ConnectionContext;
  readonly hooks: ConnectionHooks;
  readonly fd: Fd;
  readonly registration: Registration;
  readonly closed: PromiseWithResolvers<void>;
  phase: "connecting" | "open" | "closing" | "closed";
  /** What the kernel has not taken, and how many bytes that is. */
  unsent: Bytes[];
  unsentBytes: number;
  /** The start of a message whose end has not come. */
  unread: Uint8Array;
  cancelWait: (() => void) | undefined;
}

/** How long the peer has to end its side before the socket is closed on it. */
const CLOSE_WAIT_MS: Millis = 500;
/** Reads of one turn: one busy peer leaves the others their turn. */
const READS_PER_TURN = 8;

/** Read buffer of all connections: what is whole is taken out before the next read. */
const scratch = new Uint8Array(65_536);

/** Begins to connect. @throws OsError or Error when the socket cannot even be made */
export function openConnection(
  context: ConnectionContext,
  target: TcpTarget,
  hooks: ConnectionHooks,
): BgpConnection {
  const fd = beginConnect(context.libc, target);
  // A descriptor that cannot be waited for is closed: the next try opens another.
  using unwatched = new DisposableStack();
  unwatched.use(fd);
  const connection: Connection = {
    context,
    hooks,
    fd,
    registration: context.loop.register(fd, true, (events) => onEvents(connection, events)),
    closed: Promise.withResolvers<void>(),
    phase: "connecting",
    unsent: [],
    unsentBytes: 0,
    unread: new Uint8Array(0),
    cancelWait: undefined,
  };
  unwatched.move();
  return {
    queuedBytes: () => connection.unsentBytes,
    send: (bytes) => {
      if (connection.phase === "open") send(connection, bytes);
    },
    readNow: () => {
      if (connection.phase === "open") read(connection);
    },
    close(last) {
      if (connection.phase === "connecting") release(connection);
      else if (connection.phase === "open") beginClose(connection, last);
      return connection.closed.promise;
    },
  };
}

function onEvents(connection: Connection, events: number): void {
  const { EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP } = KERNEL;
  if (connection.phase === "connecting") return finishConnect(connection, events);
  // Asked before the read, which would forget it; told after, for input may have come before.
  const failed = (events & EPOLLERR) !== 0;
  const error = failed ? socketError(connection.context.libc, connection.fd) : undefined;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) !== 0) read(connection);
  if ((events & EPOLLOUT) !== 0 && isAlive(connection)) flush(connection);
  if (error !== undefined && isAlive(connection)) lose(connection, error);
}

function isAlive({ phase }: Connection): boolean {
  return phase !== "closed";
}

function finishConnect(connection: Connection, events: number): void {
  const { context: { libc }, fd } = connection;
  const error = socketError(libc, fd);
  if (error !== undefined) return lose(connection, error);
  const local = localAddress(libc, fd);
  if ((events & KERNEL.EPOLLHUP) !== 0 || local === undefined) {
    return lose(connection, "no route to the peer");
  }
  connection.phase = "open";
  connection.registration.setWritable(false);
  connection.hooks.onConnected(local.ip);
}

function read(connection: Connection): void {
  const { context: { libc }, fd } = connection;
  for (let turn = 0; turn < READS_PER_TURN && isAlive(connection); turn++) {
    const count = receiveBytes(libc, fd, scratch);
    if (count === undefined) return;
    if (count === 0) return lose(connection, "the peer closed the connection");
    if (connection.phase === "open") takeMessages(connection, scratch.subarray(0, count));
    if (count < scratch.length) return;
  }
}

/** Hands on each whole message, and keeps the start of the next. */
function takeMessages(connection: Connection, fresh: Uint8Array): void {
  const { hooks, unread } = connection;
  let bytes = fresh;
  if (unread.length > 0) {
    bytes = new Uint8Array(unread.length + fresh.length);
    bytes.set(unread);
    bytes.set(fresh, unread.length);
  }
  let at = 0;
  while (connection.phase === "open") {
    const length = messageLength(bytes, at, bytes.length - at, MAX_MESSAGE_LENGTH);
    if (length === undefined) break;
    if (typeof length !== "number") return hooks.onFault(length);
    if (at + length > bytes.length) break;
    hooks.onMessage(bytes.slice(at, at + length));
    at += length;
  }
  connection.unread = bytes.slice(at);
}

function send(connection: Connection, bytes: Bytes): void {
  const { context: { libc }, fd, unsent } = connection;
  const taken = unsent.length > 0 ? 0 : sendBytes(libc, fd, bytes);
  if (taken === bytes.length) return;
  unsent.push(bytes.subarray(taken));
  connection.unsentBytes += bytes.length - taken;
  if (unsent.length > 1) return;
  connection.registration.setWritable(true);
  // A connection that is being closed blocks nobody any more.
  if (connection.phase === "open") connection.hooks.onBlocked(true);
}

/** There is room: sends what waits. */
function flush(connection: Connection): void {
  const { context: { libc }, fd, unsent } = connection;
  const wasBlocked = unsent.length > 0;
  let sent = 0;
  for (const bytes of unsent) {
    const taken = sendBytes(libc, fd, bytes);
    connection.unsentBytes -= taken;
    if (taken < bytes.length) {
      unsent[sent] = bytes.subarray(taken);
      break;
    }
    sent++;
  }
  unsent.splice(0, sent);
  if (unsent.length > 0) return;
  connection.registration.setWritable(false);
  if (connection.phase === "closing") return finishSending(connection);
  if (wasBlocked) connection.hooks.onBlocked(false);
}

function beginClose(connection: Connection, last: Bytes | undefined): void {
  connection.phase = "closing";
  if (last !== undefined) send(connection, last);
  const { clock } = connection.context;
  connection.cancelWait = clock.schedule(CLOSE_WAIT_MS, () => release(connection));
  if (connection.unsent.length === 0) finishSending(connection);
}

function finishSending(connection: Connection): void {
  endSending(connection.context.libc, connection.fd);
  read(connection);
}

function lose(connection: Connection, reason: string): void {
  const tell = connection.phase !== "closing";
  release(connection);
  if (tell) connection.hooks.onClosed(reason);
}

function release(connection: Connection): void {
  if (connection.phase === "closed") return;
  connection.phase = "closed";
  connection.cancelWait?.();
  connection.registration[Symbol.dispose]();
  connection.fd[Symbol.dispose]();
  connection.unsent = [];
  connection.unsentBytes = 0;
  connection.closed.resolve();
}
