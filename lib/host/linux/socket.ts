import { KERNEL } from "../../../ffi/constants.ts";
import { Fd } from "../../../ffi/fd.ts";
import type { Bytes, Libc, SOCKET } from "../../../ffi/libc.ts";
import { checked } from "../../../ffi/result.ts";
import {
  type FilterStep,
  int32,
  MEMINFO,
  readInt32,
  sockFilter,
  sockFprog,
} from "../../../ffi/structs.ts";
import { readSockaddrIp, SOCKADDR_IN6 } from "../../../ffi/tcp.ts";
import type { Ip } from "../../net/ip.ts";

type SocketLibc = Libc<typeof SOCKET>;

/** The arguments of socket(2), and what the socket is for, as an error says it. */
interface SocketKind {
  readonly domain: number;
  readonly type: number;
  readonly protocol?: number;
  readonly purpose: string;
}

/**
 * Opens a socket that never blocks and that no other program inherits, and sets it up; when that
 * fails, the socket is closed. @throws OsError, or what `setUp` throws
 */
export function openSocket(libc: SocketLibc, kind: SocketKind, setUp?: (fd: Fd) => void): Fd {
  const type = kind.type | KERNEL.SOCK_NONBLOCK | KERNEL.SOCK_CLOEXEC;
  const number = libc.symbols.socket(kind.domain, type, kind.protocol ?? 0);
  const fd = new Fd(libc, checked(libc, number, "socket", kind.purpose));
  try {
    setUp?.(fd);
    return fd;
  } catch (error) {
    fd[Symbol.dispose]();
    throw error;
  }
}

/** Sets an option; false when the kernel refuses it. */
export function trySetOption(
  libc: SocketLibc,
  fd: Fd,
  level: number,
  name: number,
  value: number | Bytes,
): boolean {
  const bytes = typeof value === "number" ? int32(value) : value;
  return libc.symbols.setsockopt(fd.number, level, name, bytes, bytes.length) >= 0;
}

/** Sets an option; `what` names it in the error. @throws OsError when the kernel refuses it */
export function setOption(
  libc: SocketLibc,
  fd: Fd,
  level: number,
  name: number,
  value: number | Bytes,
  what: string,
): void {
  const result = trySetOption(libc, fd, level, name, value) ? 0 : -1;
  checked(libc, result, "setsockopt", what);
}

/** Binds the socket to an address; `what` says in the error to which. @throws OsError */
export function bindSocket(libc: SocketLibc, fd: Fd, address: Bytes, what: string): void {
  checked(libc, libc.symbols.bind(fd.number, address, address.length), "bind", what);
}

/** The errno of what went wrong on the socket since the last question; 0 when nothing did. */
export function takeSocketError(libc: SocketLibc, fd: Fd): number {
  const error = int32(0);
  libc.symbols.getsockopt(fd.number, KERNEL.SOL_SOCKET, KERNEL.SO_ERROR, error, int32(4));
  return readInt32(error);
}

/**
 * Has the kernel keep out of the socket what the program gives 0 for, in place of one before. False
 * when the kernel refuses it, and has the one before.
 */
export function attachFilter(libc: SocketLibc, fd: Fd, steps: readonly FilterStep[]): boolean {
  const program = sockFilter(steps);
  const header = sockFprog(steps.length, libc.addressOf(program));
  const done = trySetOption(libc, fd, KERNEL.SOL_SOCKET, KERNEL.SO_ATTACH_FILTER, header);
  // The kernel copies the program during the call; reading it here keeps it alive until then.
  return done && program.length > 0;
}

/** Lets all into the socket again. */
export function detachFilter(libc: SocketLibc, fd: Fd): void {
  trySetOption(libc, fd, KERNEL.SOL_SOCKET, KERNEL.SO_DETACH_FILTER, 0);
}

/** How many datagrams the socket did not take, for a filter or a full buffer; wraps at 2^32. */
export function droppedDatagrams(libc: SocketLibc, fd: Fd): number {
  const counts = new Uint8Array(MEMINFO.size);
  const { SO_MEMINFO, SOL_SOCKET } = KERNEL;
  libc.symbols.getsockopt(fd.number, SOL_SOCKET, SO_MEMINFO, counts, int32(counts.length));
  return readInt32(counts, MEMINFO.drops) >>> 0;
}

/** Our end of an IP socket; undefined when it has none. */
export function localAddress(
  libc: SocketLibc,
  fd: Fd,
): { readonly ip: Ip; readonly port: number } | undefined {
  const address = new Uint8Array(SOCKADDR_IN6.size);
  const result = libc.symbols.getsockname(fd.number, address, int32(address.length));
  return result < 0 ? undefined : readSockaddrIp(address);
}
