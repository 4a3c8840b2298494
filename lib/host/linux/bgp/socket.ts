import { KERNEL } from "../../../../ffi/constants.ts";
import { Fd } from "../../../../ffi/fd.ts";
import type { Bytes, Libc, SOCKET } from "../../../../ffi/libc.ts";
import { checked, errnoName } from "../../../../ffi/result.ts";
import { int32, readInt32 } from "../../../../ffi/structs.ts";
import {
  readSockaddrIp,
  SOCKADDR_IN6,
  sockaddrIp,
  type STREAM,
  tcpMd5sig,
} from "../../../../ffi/tcp.ts";
import type { Millis } from "../../../base/time.ts";
import { familyOf, formatIp, type Ip } from "../../../net/ip.ts";

export type TcpLibc = Libc<typeof SOCKET & typeof STREAM>;

/** Whom to connect to, and how. */
export interface TcpTarget {
  readonly peer: Ip;
  readonly port: number;
  /** The interface of a link-local peer. */
  readonly interfaceName: string | undefined;
  readonly source: Ip | undefined;
  /** Key of RFC 2385; a secret. */
  readonly password: string | undefined;
  /** Hops that our packets may take; undefined leaves it to the kernel. */
  readonly ttl: number | undefined;
  /** Segments that came with less are dropped by the kernel (RFC 5082). */
  readonly minimumTtl: number | undefined;
  /** Unacknowledged bytes end the connection after that long. */
  readonly userTimeoutMs: Millis;
}

/**
 * Opens a socket and begins to connect it; when it becomes writable, {@link socketError} tells how
 * it went. @throws OsError, or Error when the interface does not exist
 */
export function beginConnect(libc: TcpLibc, target: TcpTarget): Fd {
  const { symbols } = libc;
  const ip4 = familyOf(target.peer) === 4;
  const where = `${formatIp(target.peer)} port ${target.port}`;
  const type = KERNEL.SOCK_STREAM | KERNEL.SOCK_NONBLOCK | KERNEL.SOCK_CLOEXEC;
  const number = symbols.socket(ip4 ? KERNEL.AF_INET : KERNEL.AF_INET6, type, 0);
  const fd = new Fd(libc, checked(libc, number, "socket", `TCP socket for ${where}`));
  try {
    const set = (level: number, name: number, value: Bytes, what: string) =>
      checked(
        libc,
        symbols.setsockopt(fd.number, level, name, value, value.length),
        "setsockopt",
        `${what} for ${where}`,
      );
    set(KERNEL.IPPROTO_TCP, KERNEL.TCP_NODELAY, int32(1), "TCP_NODELAY");
    set(
      KERNEL.IPPROTO_TCP,
      KERNEL.TCP_USER_TIMEOUT,
      int32(target.userTimeoutMs),
      "TCP_USER_TIMEOUT",
    );
    if (target.password !== undefined) {
      const key = tcpMd5sig(target.peer, new TextEncoder().encode(target.password));
      set(KERNEL.IPPROTO_TCP, KERNEL.TCP_MD5SIG, key, "the MD5 key");
    }
    const level = ip4 ? KERNEL.IPPROTO_IP : KERNEL.IPPROTO_IPV6;
    if (target.ttl !== undefined) {
      set(level, ip4 ? KERNEL.IP_TTL : KERNEL.IPV6_UNICAST_HOPS, int32(target.ttl), "the TTL");
    }
    if (target.minimumTtl !== undefined) {
      const name = ip4 ? KERNEL.IP_MINTTL : KERNEL.IPV6_MINHOPCOUNT;
      set(level, name, int32(target.minimumTtl), "the least TTL");
    }
    const scopeId = target.interfaceName === undefined ? 0 : indexOf(libc, target.interfaceName);
    if (target.source !== undefined) {
      set(KERNEL.IPPROTO_IP, KERNEL.IP_BIND_ADDRESS_NO_PORT, int32(1), "a late port");
      const from = sockaddrIp(target.source, 0, scopeId);
      const bound = symbols.bind(fd.number, from, from.length);
      checked(libc, bound, "bind", `source-address ${formatIp(target.source)} is not on this node`);
    }
    const to = sockaddrIp(target.peer, target.port, scopeId);
    // Refused at once or in progress: the socket's state tells later which it was.
    symbols.connect(fd.number, to, to.length);
    return fd;
  } catch (error) {
    fd[Symbol.dispose]();
    throw error;
  }
}

function indexOf(libc: TcpLibc, name: string): number {
  const index = libc.symbols.if_nametoindex(new TextEncoder().encode(`${name}\0`));
  if (index === 0) throw new Error(`There is no interface ${name} on this node`);
  return index;
}

/** Why the connection failed, and forgets it; undefined when it did not. */
export function socketError(libc: TcpLibc, fd: Fd): string | undefined {
  const error = int32(0);
  libc.symbols.getsockopt(fd.number, KERNEL.SOL_SOCKET, KERNEL.SO_ERROR, error, int32(4));
  const errno = readInt32(error);
  return errno === 0 ? undefined : errnoName(errno);
}

/** Our end of the connection; undefined when there is none. */
export function localAddress(
  libc: TcpLibc,
  fd: Fd,
): { readonly ip: Ip; readonly port: number } | undefined {
  const address = new Uint8Array(SOCKADDR_IN6.size);
  const result = libc.symbols.getsockname(fd.number, address, int32(address.length));
  return result < 0 ? undefined : readSockaddrIp(address);
}

/** How many of the bytes the kernel took; none when its buffer is full or the connection ended. */
export function sendBytes(libc: TcpLibc, fd: Fd, bytes: Bytes): number {
  const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_NOSIGNAL;
  return Math.max(0, libc.symbols.send(fd.number, bytes, BigInt(bytes.length), flags));
}

/** How many bytes came; 0 at the end of the stream, undefined when nothing waits. */
export function receiveBytes(libc: TcpLibc, fd: Fd, into: Bytes): number | undefined {
  const { MSG_DONTWAIT } = KERNEL;
  const count = libc.symbols.recv(fd.number, into, BigInt(into.length), MSG_DONTWAIT);
  return count < 0 ? undefined : count;
}

/** Says that no more comes from us. */
export function endSending(libc: TcpLibc, fd: Fd): void {
  libc.symbols.shutdown(fd.number, KERNEL.SHUT_WR);
}
