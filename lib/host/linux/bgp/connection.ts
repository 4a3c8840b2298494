import { KERNEL } from "../../../../ffi/constants.ts";
import type { Bytes } from "../../../../ffi/libc.ts";
import type { Millis } from "../../../base/time.ts";
import { messageLength } from "../../../bgp/frame.ts";
import type { BgpFault } from "../../../bgp/notification.ts";
import type { Ip } from "../../../net/ip.ts";
import { localAddress } from "../socket.ts";
import type { EventLoop, Watch } from "./event_loop.ts";
import {
  beginConnect,
  endSending,
  receiveBytes,
  sendBytes,
  socketError,
  type TcpLibc,
  type TcpTarget,
} from "./socket.ts";

/** What a connection tells of itself; after `onClosed` it tells nothing. */
export interface ConnectionHooks {
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
   * Sends the last bytes and ends the connection so that they arrive: it waits for the peer's end of
   * the stream, for to close on unread input would be a reset. Settles when the socket is closed.
   */
  close(last: Bytes | undefined): Promise<void>;
}

/** How long the peer has to end its side before the socket is closed on it. */
const CLOSE_WAIT_MS: Millis = 500;
/** Reads of one turn: one busy peer leaves the others their turn. */
const READS_PER_TURN = 8;

/** Read buffer of all connections: what is whole is taken out before the next read. */
const scratch = new Uint8Array(65_536);

/** Begins to connect. @throws OsError or Error when the socket cannot even be made */
export function openConnection(
  libc: TcpLibc,
  loop: EventLoop,
  target: TcpTarget,
  maxLength: number,
  hooks: ConnectionHooks,
): BgpConnection {
  const fd = beginConnect(libc, target);
  let state: "connecting" | "open" | "closing" | "closed" = "connecting";
  let queue: Bytes[] = [];
  let queued = 0;
  let rest = new Uint8Array(0);
  const closed = Promise.withResolvers<void>();
  let closeTimer: number | undefined;
  const watch: Watch = loop.watch(fd, true, onEvents);

  function onEvents(events: number): void {
    const { EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP } = KERNEL;
    if (state === "connecting") return finishConnect(events);
    // Asked before the read, which would forget it; told after, for input may have come before.
    const error = (events & EPOLLERR) === 0 ? undefined : socketError(libc, fd);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) !== 0) read();
    if ((events & EPOLLOUT) !== 0 && isAlive()) flush();
    if (error !== undefined && isAlive()) lose(error);
  }

  function isAlive(): boolean {
    return state !== "closed";
  }

  function finishConnect(events: number): void {
    const error = socketError(libc, fd);
    if (error !== undefined) return lose(error);
    const local = localAddress(libc, fd);
    if ((events & KERNEL.EPOLLHUP) !== 0 || local === undefined) {
      return lose("no route to the peer");
    }
    state = "open";
    watch.setWritable(false);
    hooks.onConnected(local.ip);
  }

  function read(): void {
    for (let turn = 0; turn < READS_PER_TURN && isAlive(); turn++) {
      const count = receiveBytes(libc, fd, scratch);
      if (count === undefined) return;
      if (count === 0) return lose("the peer closed the connection");
      if (state === "open") split(scratch.subarray(0, count));
      if (count < scratch.length) return;
    }
  }

  function split(fresh: Uint8Array): void {
    let bytes: Uint8Array = fresh;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + fresh.length);
      bytes.set(rest);
      bytes.set(fresh, rest.length);
    }
    let at = 0;
    while (state === "open") {
      const length = messageLength(bytes, at, bytes.length - at, maxLength);
      if (length === undefined) break;
      if (typeof length !== "number") return hooks.onFault(length);
      if (at + length > bytes.length) break;
      hooks.onMessage(bytes.slice(at, at + length));
      at += length;
    }
    rest = bytes.slice(at);
  }

  function flush(): void {
    const wasBlocked = queue.length > 0;
    let at = 0;
    for (; at < queue.length; at++) {
      const bytes = queue[at];
      if (bytes === undefined) break;
      const taken = sendBytes(libc, fd, bytes);
      queued -= taken;
      if (taken < bytes.length) {
        queue[at] = bytes.subarray(taken);
        break;
      }
    }
    queue = queue.slice(at);
    if (queue.length > 0) return;
    watch.setWritable(false);
    if (state === "closing") return finishSending();
    if (wasBlocked) hooks.onBlocked(false);
  }

  function finishSending(): void {
    endSending(libc, fd);
    read();
  }

  function lose(reason: string): void {
    const tell = state !== "closing";
    release();
    if (tell) hooks.onClosed(reason);
  }

  function release(): void {
    if (state === "closed") return;
    state = "closed";
    clearTimeout(closeTimer);
    watch[Symbol.dispose]();
    fd[Symbol.dispose]();
    queue = [];
    queued = 0;
    closed.resolve();
  }

  return {
    queuedBytes: () => queued,
    send(bytes) {
      if (state !== "open") return;
      const taken = queue.length > 0 ? 0 : sendBytes(libc, fd, bytes);
      if (taken === bytes.length) return;
      queue.push(taken === 0 ? bytes : bytes.subarray(taken));
      queued += bytes.length - taken;
      if (queue.length > 1) return;
      watch.setWritable(true);
      hooks.onBlocked(true);
    },
    readNow: () => {
      if (state === "open") read();
    },
    close(last) {
      if (state === "connecting") release();
      if (state !== "open") return closed.promise;
      if (last !== undefined) this.send(last);
      state = "closing";
      closeTimer = setTimeout(release, CLOSE_WAIT_MS);
      if (queue.length === 0) finishSending();
      return closed.promise;
    },
  };
}
