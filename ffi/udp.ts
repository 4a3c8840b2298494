import type { Ip } from "../lib/net/ip.ts";
import type { Fd } from "./fd.ts";
import type { Bytes, Libc } from "./libc.ts";
import { readSockaddrIp, SOCKADDR_IN6 } from "./tcp.ts";

/** Datagrams with what the kernel knows of them, and waits finer than a millisecond. */
export const DATAGRAM = {
  // ssize_t recvmsg(int fd, struct msghdr *message, int flags)
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
  ppoll: { parameters: ["buffer", "usize", "buffer", "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** struct msghdr: where address, data and control messages go, recv(2). */
export const MSGHDR = {
  size: 56,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const;
/** struct iovec: one piece of memory. */
export const IOVEC = { size: 16, base: 0, length: 8 } as const;
/** struct cmsghdr: one control message. */
export const CMSGHDR = { size: 16, length: 0, level: 8, type: 12 } as const;
/** struct timespec: seconds and nanoseconds. */
export const TIMESPEC = { size: 16, seconds: 0, nanoseconds: 8 } as const;

/** A datagram; `bytes` are valid until the next one is received. */
export interface Datagram {
  readonly bytes: Uint8Array;
  /** The sender; from the error queue whom the packet was for. */
  readonly from: Ip;
  readonly port: number;
  readonly scopeId: number;
  /**
   * What was asked for beside it: hops left on arrival, in the error queue an error number;
   * undefined when the kernel did not say.
   */
  readonly told: number | undefined;
}

/** Receives datagrams of at most `size` bytes into memory of its own, without allocating for each. */
export function datagramReader(
  libc: Libc<typeof DATAGRAM>,
  size: number,
  controlSize = 64,
): (fd: Fd, flags: number) => Datagram | undefined {
  const data: Bytes = new Uint8Array(size);
  const name: Bytes = new Uint8Array(SOCKADDR_IN6.size);
  const control: Bytes = new Uint8Array(controlSize);
  const iov: Bytes = new Uint8Array(IOVEC.size);
  const header: Bytes = new Uint8Array(MSGHDR.size);
  const view = new DataView(header.buffer);
  const controls = new DataView(control.buffer);
  const iovView = new DataView(iov.buffer);
  iovView.setBigUint64(IOVEC.base, libc.addressOf(data), true);
  iovView.setBigUint64(IOVEC.length, BigInt(size), true);
  view.setBigUint64(MSGHDR.name, libc.addressOf(name), true);
  view.setBigUint64(MSGHDR.iov, libc.addressOf(iov), true);
  view.setBigUint64(MSGHDR.control, libc.addressOf(control), true);
  return (fd, flags) => {
    view.setUint32(MSGHDR.nameLength, name.length, true);
    view.setBigUint64(MSGHDR.controlLength, BigInt(control.length), true);
    // Named here, so that the memory that only the header points to stays as long as the reader.
    view.setBigUint64(MSGHDR.iovLength, BigInt(iov.length / IOVEC.size), true);
    const count = libc.symbols.recvmsg(fd.number, header, flags);
    const sender = count < 0 ? undefined : readSockaddrIp(name);
    if (sender === undefined) return undefined;
    // The one control message that is asked for begins with an int: a TTL, a hop limit, an errno.
    const isTold = view.getBigUint64(MSGHDR.controlLength, true) >= BigInt(CMSGHDR.size + 4);
    return {
      bytes: data.subarray(0, Math.min(count, data.length)),
      from: sender.ip,
      port: sender.port,
      scopeId: sender.scopeId,
      told: isTold ? controls.getInt32(CMSGHDR.size, true) : undefined,
    };
  };
}

const SECOND_NS = 1_000_000_000n;

/** A time to wait as the kernel takes it; `ms` may be a fraction. */
export function writeTimespec(bytes: Bytes, ms: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // Rounded first: the kernel refuses a whole second of nanoseconds.
  const nanoseconds = BigInt(Math.round(ms * 1e6));
  view.setBigInt64(TIMESPEC.seconds, nanoseconds / SECOND_NS, true);
  view.setBigInt64(TIMESPEC.nanoseconds, nanoseconds % SECOND_NS, true);
}
