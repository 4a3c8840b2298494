import type { CLOCK } from "../../ffi/clock.ts";
import { KERNEL } from "../../ffi/constants.ts";
import type { Libc, POLL, SOCKET } from "../../ffi/libc.ts";
import { POLLFD } from "../../ffi/structs.ts";
import { readSockaddrIp, sockaddrIp, type STREAM } from "../../ffi/tcp.ts";
import { CMSGHDR, type DATAGRAM, IOVEC, MSGHDR, TIMESPEC } from "../../ffi/udp.ts";
import { prepareWait, type ThreadPart, waitOnce } from "../../lib/host/linux/worker/wait.ts";
import type { Ip, Ip4 } from "../../lib/net/ip.ts";
import { ip4 } from "./addresses.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A datagram that an engine sent. */
export interface SentDatagram {
  readonly atMs: number;
  readonly to: Ip;
  readonly port: number;
  readonly bytes: Uint8Array;
}

/** UDP sockets, and the clock and the waits of the thread that has them, on virtual time. */
export interface FakeUdp {
  readonly libc: Libc<
    typeof SOCKET & typeof STREAM & typeof POLL & typeof DATAGRAM & typeof CLOCK
  >;
  readonly sent: SentDatagram[];
  now(): number;
  /** Runs it while an engine waits, `ms` from now. */
  later(ms: number, run: () => void): void;
  /** Ends the wait that is under way. */
  wake(): void;
  /** Time passes and the thread does not run: no timer, no packet. */
  freeze(ms: number): void;
  /** A datagram for the socket bound to that port. */
  arrive(port: number, from: Ip, fromPort: number, bytes: Uint8Array, ttl?: number): void;
  /** The kernel tells the socket of that port that a packet to there was refused, and why. */
  refuse(port: number, to: Ip, toPort: number, errno?: number): void;
  /** Ports that another program has. */
  readonly taken: Set<number>;
  /** Open sockets. */
  open(): number;
  onSend: (datagram: SentDatagram) => void;
}

/** The descriptor that ends a wait. */
export const WAKE_FD = 3;

interface Socket {
  ip: Ip;
  port: number;
  peer: { readonly ip: Ip; readonly port: number } | undefined;
  readonly input: Arrived[];
  readonly errors: Arrived[];
}

interface Arrived {
  readonly from: Ip;
  readonly port: number;
  readonly bytes: Uint8Array;
  readonly told: number | undefined;
}

/** Lets a thread's part work for so long. */
export function work(udp: FakeUdp, part: ThreadPart<never, unknown>, ms: number): void {
  let woken = false;
  udp.later(ms, () => {
    woken = true;
    udp.wake();
  });
  const onFailure = (_: unknown, error: unknown) => {
    throw error;
  };
  while (!woken) waitOnce(udp.libc, prepareWait(WAKE_FD, [part]), onFailure);
}

/** Makes a machine without sockets, whose clock says 1,000 ms. */
export function fakeUdp(): FakeUdp {
  let now = 1_000;
  let nextFd = 10;
  const sockets = new Map<number, Socket>();
  const timers: { readonly due: number; readonly run: () => void }[] = [];
  const places = new Map<bigint, Bytes>();
  let woken = false;

  const socketOf = (fd: number) => sockets.get(fd) ?? fail(`no socket ${fd}`);
  const at = (place: bigint) => places.get(place) ?? fail("an unknown address");

  function send(to: Ip, port: number, bytes: Uint8Array): number {
    const datagram = { atMs: now, to, port, bytes: bytes.slice() };
    udp.sent.push(datagram);
    udp.onSend(datagram);
    return bytes.length;
  }

  function eventsOf(fd: number): number {
    if (fd === WAKE_FD) return woken ? KERNEL.POLLIN : 0;
    const { input, errors } = socketOf(fd);
    return (input.length > 0 ? KERNEL.POLLIN : 0) | (errors.length > 0 ? KERNEL.POLLERR : 0);
  }

  function look(set: Bytes, count: bigint): number {
    const view = new DataView(set.buffer);
    let ready = 0;
    for (let index = 0; index < Number(count); index++) {
      const events = eventsOf(view.getInt32(index * POLLFD.size + POLLFD.fd, true));
      view.setInt16(index * POLLFD.size + POLLFD.revents, events, true);
      if (events !== 0) ready++;
    }
    return ready;
  }

  function ppoll(set: Bytes, count: bigint, timeout: Bytes): number {
    const view = new DataView(timeout.buffer);
    const wait = Number(view.getBigInt64(TIMESPEC.seconds, true)) * 1000 +
      Number(view.getBigInt64(TIMESPEC.nanoseconds, true)) / 1e6;
    const deadline = now + wait + 0.001; // never early, as the kernel
    for (;;) {
      const ready = look(set, count);
      if (ready > 0) {
        woken = false;
        return ready;
      }
      timers.sort((a, b) => a.due - b.due);
      const [next] = timers;
      if (next === undefined || next.due > deadline) break;
      timers.shift();
      now = Math.max(now, next.due);
      next.run();
    }
    now = Math.max(now, deadline);
    return 0;
  }

  function recvmsg(fd: number, header: Bytes, flags: number): number {
    const socket = socketOf(fd);
    const queue = (flags & KERNEL.MSG_ERRQUEUE) === 0 ? socket.input : socket.errors;
    const datagram = queue.shift();
    if (datagram === undefined) return -1;
    const view = new DataView(header.buffer);
    const iov = at(view.getBigUint64(MSGHDR.iov, true));
    at(new DataView(iov.buffer).getBigUint64(IOVEC.base, true)).set(datagram.bytes);
    at(view.getBigUint64(MSGHDR.name, true)).set(sockaddrIp(datagram.from, datagram.port));
    const { told } = datagram;
    view.setBigUint64(
      MSGHDR.controlLength,
      BigInt(told === undefined ? 0 : CMSGHDR.size + 4),
      true,
    );
    if (told !== undefined) {
      const control = at(view.getBigUint64(MSGHDR.control, true));
      new DataView(control.buffer).setInt32(CMSGHDR.size, told, true);
    }
    return datagram.bytes.length;
  }

  const symbols = {
    socket() {
      const none = 0 as Ip4;
      sockets.set(nextFd, { ip: none, port: 0, peer: undefined, input: [], errors: [] });
      return nextFd++;
    },
    setsockopt: () => 0,
    getsockopt: () => -1,
    bind(fd: number, address: Bytes) {
      const { ip, port } = readSockaddrIp(address) ?? fail("no address");
      if (udp.taken.has(port)) return -1;
      Object.assign(socketOf(fd), { ip, port: port === 0 ? 40_000 + fd : port });
      return 0;
    },
    connect(fd: number, address: Bytes) {
      socketOf(fd).peer = readSockaddrIp(address);
      return 0;
    },
    getsockname(fd: number, address: Bytes) {
      const { ip, port } = socketOf(fd);
      address.set(sockaddrIp(ip, port));
      return 0;
    },
    if_nametoindex: () => 2,
    send(fd: number, bytes: Bytes) {
      const { ip, port } = socketOf(fd).peer ?? fail("not connected");
      return send(ip, port, bytes);
    },
    sendto(_fd: number, bytes: Bytes, _size: bigint, _flags: number, address: Bytes) {
      const { ip, port } = readSockaddrIp(address) ?? fail("no address");
      return send(ip, port, bytes);
    },
    recvmsg,
    ppoll,
    clock_gettime(_clock: number, time: Bytes) {
      const words = new Uint32Array(time.buffer);
      words[TIMESPEC.seconds / 4] = Math.floor(now / 1000);
      words[TIMESPEC.nanoseconds / 4] = Math.round((now % 1000) * 1e6);
      return 0;
    },
  };

  function bound(port: number): Socket {
    const found = [...sockets.values()].find((one) => one.port === port);
    return found ?? fail(`nobody listens on port ${port}`);
  }

  const udp: FakeUdp = {
    libc: {
      symbols,
      close: (fd: number) => sockets.delete(fd) ? 0 : fail(`no socket ${fd}`),
      addressOf(bytes: Bytes) {
        const place = BigInt(places.size + 1);
        places.set(place, bytes);
        return place;
      },
      errnoHint: () => 98,
    } as unknown as FakeUdp["libc"],
    sent: [],
    now: () => now,
    later: (ms, run) => void timers.push({ due: now + ms, run }),
    wake: () => void (woken = true),
    freeze: (ms) => void (now += ms),
    arrive(port, from, fromPort, bytes, ttl) {
      bound(port).input.push({ from, port: fromPort, bytes, told: ttl });
    },
    refuse(port, to, toPort, errno = KERNEL.ECONNREFUSED) {
      bound(port).errors.push({ from: to, port: toPort, bytes: new Uint8Array(1), told: errno });
    },
    taken: new Set(),
    open: () => sockets.size,
    onSend() {},
  };
  return udp;
}

function fail(reason: string): never {
  throw new Error(`The fake network: ${reason}`);
}

/** Some address of the test network. */
export const PEER_IP: Ip = ip4(0x0a000002);
