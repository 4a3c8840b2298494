import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import { checked } from "../../../../ffi/result.ts";
import { sockaddrIp, type STREAM } from "../../../../ffi/tcp.ts";
import { type Family, familyOf, formatIp, type Ip, type Ip4, type Ip6 } from "../../../net/ip.ts";
import { bindSocket, openSocket, setOption } from "../socket.ts";

type UdpLibc = Libc<typeof SOCKET & typeof STREAM>;

/** RFC 5881 §4 and RFC 5883 §5. */
export const BFD_PORT = { singleHop: 3784, multihop: 4784 } as const;
const FIRST_SOURCE_PORT = 49_152;
const SOURCE_PORTS = 16_384;
const PORT_TRIES = 16;

const ANY: Readonly<Record<Family, Ip>> = { 4: 0 as Ip4, 6: 0n as Ip6 };

/** Opens a socket that hears all BFD packets of a family, with their TTL. @throws OsError */
export function openBfdReceiver(libc: UdpLibc, family: Family, port: number): Fd {
  return openUdp(libc, family, (fd) => {
    if (family === 6) {
      option(libc, fd, KERNEL.IPPROTO_IPV6, KERNEL.IPV6_V6ONLY, 1);
      option(libc, fd, KERNEL.IPPROTO_IPV6, KERNEL.IPV6_RECVHOPLIMIT, 1);
    } else option(libc, fd, KERNEL.IPPROTO_IP, KERNEL.IP_RECVTTL, 1);
    const what = `UDP port ${port}; does another BFD daemon run on this node?`;
    bindSocket(libc, fd, sockaddrIp(ANY[family], port), what);
  });
}

/** Opens a socket that sends to one peer, from a port of its own, with TTL 255. @throws OsError or Error */
export function openBfdSender(
  libc: UdpLibc,
  peer: { readonly address: Ip; readonly port: number; readonly interfaceName: string | undefined },
  source: Ip | undefined,
): Fd {
  const family = familyOf(peer.address);
  return openUdp(libc, family, (fd) => {
    if (family === 4) option(libc, fd, KERNEL.IPPROTO_IP, KERNEL.IP_TTL, 255);
    else option(libc, fd, KERNEL.IPPROTO_IPV6, KERNEL.IPV6_UNICAST_HOPS, 255);
    const scopeId = peer.interfaceName === undefined ? 0 : libc.symbols.if_nametoindex(
      new TextEncoder().encode(`${peer.interfaceName}\0`),
    );
    bindSomePort(libc, fd, source ?? ANY[family], scopeId);
    const to = sockaddrIp(peer.address, peer.port, scopeId);
    const connected = libc.symbols.connect(fd.number, to, to.length);
    checked(libc, connected, "connect", `BFD to ${formatIp(peer.address)}`);
  });
}

function bindSomePort(libc: UdpLibc, fd: Fd, source: Ip, scopeId: number): void {
  let bound = -1;
  for (let attempt = 0; attempt < PORT_TRIES && bound < 0; attempt++) {
    const port = FIRST_SOURCE_PORT + Math.floor(Math.random() * SOURCE_PORTS);
    const from = sockaddrIp(source, port, scopeId);
    bound = libc.symbols.bind(fd.number, from, from.length);
  }
  checked(libc, bound, "bind", `BFD from ${formatIp(source)}`);
}

function openUdp(libc: UdpLibc, family: Family, setUp: (fd: Fd) => void): Fd {
  const domain = family === 4 ? KERNEL.AF_INET : KERNEL.AF_INET6;
  const kind = { domain, type: KERNEL.SOCK_DGRAM, purpose: "UDP socket for BFD" };
  return openSocket(libc, kind, setUp);
}

function option(libc: UdpLibc, fd: Fd, level: number, name: number, value: number): void {
  setOption(libc, fd, level, name, value, `option ${name} of a UDP socket for BFD`);
}
