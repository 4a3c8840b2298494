import { KERNEL } from "../../../../ffi/constants.ts";
import { Fd } from "../../../../ffi/fd.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import { checked } from "../../../../ffi/result.ts";
import { int32 } from "../../../../ffi/structs.ts";
import { readSockaddrIp, SOCKADDR_IN6, sockaddrIp } from "../../../../ffi/tcp.ts";
import { formatIp, type Ip } from "../../../net/ip.ts";

/** Room for the beats of some hundred speakers while the thread waits for a processor. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

/**
 * Opens the UDP socket of the beats, which is told too when nobody listens where it sends.
 * Gives the port. @throws OsError when the port is taken or the address not this machine's
 */
export function openHeartbeatSocket(
  libc: Libc<typeof SOCKET>,
  address: Ip,
  port: number,
): { readonly fd: Fd; readonly port: number } {
  const { symbols } = libc;
  const isIp4 = typeof address === "number";
  const type = KERNEL.SOCK_DGRAM | KERNEL.SOCK_NONBLOCK | KERNEL.SOCK_CLOEXEC;
  const number = symbols.socket(isIp4 ? KERNEL.AF_INET : KERNEL.AF_INET6, type, 0);
  const fd = new Fd(libc, checked(libc, number, "socket", "UDP socket for heartbeats"));
  try {
    const [level, option] = isIp4
      ? [KERNEL.IPPROTO_IP, KERNEL.IP_RECVERR]
      : [KERNEL.IPPROTO_IPV6, KERNEL.IPV6_RECVERR];
    const one = int32(1);
    checked(libc, symbols.setsockopt(fd.number, level, option, one, 4), "setsockopt", "RECVERR");
    const room = int32(RECEIVE_BUFFER_BYTES);
    symbols.setsockopt(fd.number, KERNEL.SOL_SOCKET, KERNEL.SO_RCVBUF, room, 4);
    const wanted = sockaddrIp(address, port);
    const bound = symbols.bind(fd.number, wanted, wanted.length);
    checked(libc, bound, "bind", `heartbeats on ${formatIp(address)}, UDP port ${port}`);
    const name = new Uint8Array(SOCKADDR_IN6.size);
    const result = symbols.getsockname(fd.number, name, int32(name.length));
    checked(libc, result, "getsockname", "the port of the heartbeats");
    return { fd, port: readSockaddrIp(name)?.port ?? port };
  } catch (error) {
    fd[Symbol.dispose]();
    throw error;
  }
}
