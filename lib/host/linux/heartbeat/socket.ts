import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import { sockaddrIp } from "../../../../ffi/tcp.ts";
import { formatIp, type Ip } from "../../../net/ip.ts";
import { bindSocket, localAddress, openSocket, setOption, trySetOption } from "../socket.ts";

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
  const isIp4 = typeof address === "number";
  const domain = isIp4 ? KERNEL.AF_INET : KERNEL.AF_INET6;
  const kind = { domain, type: KERNEL.SOCK_DGRAM, purpose: "UDP socket for heartbeats" };
  const fd = openSocket(libc, kind, (fd) => {
    const [level, option] = isIp4
      ? [KERNEL.IPPROTO_IP, KERNEL.IP_RECVERR]
      : [KERNEL.IPPROTO_IPV6, KERNEL.IPV6_RECVERR];
    setOption(libc, fd, level, option, 1, "RECVERR");
    trySetOption(libc, fd, KERNEL.SOL_SOCKET, KERNEL.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    const what = `heartbeats on ${formatIp(address)}, UDP port ${port}`;
    bindSocket(libc, fd, sockaddrIp(address, port), what);
  });
  return { fd, port: localAddress(libc, fd)?.port ?? port };
}
