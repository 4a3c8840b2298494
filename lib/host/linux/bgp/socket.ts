import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Bytes, Libc, SOCKET } from "../../../../ffi/libc.ts";
import { errnoName } from "../../../../ffi/result.ts";
import { sockaddrIp, type STREAM, tcpMd5sig } from "../../../../ffi/tcp.ts";
import type { Millis } from "../../../base/time.ts";
import { familyOf, formatIp, type Ip } from "../../../net/ip.ts";
import { bindSocket, openSocket, setOption, takeSocketError } from "../socket.ts";

export type TcpLibc = Libc<typeof SOCKET & typeof STREAM>;

/** Which peer to connect to, and how. */
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
  const ip4 = familyOf(target.peer) === 4;
  const where = `${formatIp(target.peer)} port ${target.port}`;
  const domain = ip4 ? KERNEL.AF_INET : KERNEL.AF_INET6;
  const kind = { domain, type: KERNEL.SOCK_STREAM, purpose: `TCP socket for ${where}` };
  return openSocket(libc, kind, (fd) => {
    const set = (level: number, name: number, value: number | Bytes, what: string) =>
      setOption(libc, fd, level, name, value, `${what} for ${where}`);
    const { IPPROTO_TCP, TCP_NODELAY, TCP_USER_TIMEOUT } = KERNEL;
    set(IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, target.userTimeoutMs, "TCP_USER_TIMEOUT");
    if (target.password !== undefined) {
      const key = tcpMd5sig(target.peer, new TextEncoder().encode(target.password));
      set(IPPROTO_TCP, KERNEL.TCP_MD5SIG, key, "the MD5 key");
    }
    const level = ip4 ? KERNEL.IPPROTO_IP : KERNEL.IPPROTO_IPV6;
    if (target.ttl !== undefined) {
      set(level, ip4 ? KERNEL.IP_TTL : KERNEL.IPV6_UNICAST_HOPS, target.ttl, "the TTL");
    }
    if (target.minimumTtl !== undefined) {
      const name = ip4 ? KERNEL.IP_MINTTL : KERNEL.IPV6_MINHOPCOUNT;
      set(level, name, target.minimumTtl, "the least TTL");
    }
    const scopeId = target.interfaceName === undefined ? 0 : indexOf(libc, target.interfaceName);
    if (target.source !== undefined) {
      set(KERNEL.IPPROTO_IP, KERNEL.IP_BIND_ADDRESS_NO_PORT, 1, "a late port");
      const from = sockaddrIp(target.source, 0, scopeId);
      bindSocket(libc, fd, from, `source-address ${formatIp(target.source)} is not on this node`);
    }
    const to = sockaddrIp(target.peer, target.port, scopeId);
    // Refused at once or in progress: the socket's state tells later which it was.
    libc.symbols.connect(fd.number, to, to.length);
  });
}

function indexOf(libc: TcpLibc, name: string): number {
  const index = libc.symbols.if_nametoindex(new TextEncoder().encode(`${name}\0`));
  if (index === 0) throw new Error(`There is no interface ${name} on this node`);
  return index;
}

/** Why the connection failed, and forgets it; undefined when it did not. */
export function socketError(libc: TcpLibc, fd: Fd): string | undefined {
  const errno = takeSocketError(libc, fd);
  return errno === 0 ? undefined : errnoName(errno);
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
