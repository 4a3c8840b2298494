import { KERNEL } from "../../../ffi/constants.ts";
import { openLibc, SOCKET } from "../../../ffi/libc.ts";
import { sockaddrIp, STREAM } from "../../../ffi/tcp.ts";
import { familyOf, type Ip, parseIp } from "../../net/ip.ts";
import type { OwnAddress } from "../../netlink/reach.ts";
import { localAddress, openSocket } from "./socket.ts";

/** Addresses of the interfaces that are up. */
export function ownAddresses(): readonly OwnAddress[] {
  const found: OwnAddress[] = [];
  for (const { address, cidr, name } of Deno.networkInterfaces()) {
    const ip = parseIp(address.split("%")[0] ?? "");
    const length = Number(cidr.split("/")[1]);
    // An IPv4 address is listed under its label, `eth0:1`; no interface has a colon in its name.
    const [owner = name] = name.split(":");
    if (ip !== undefined) found.push({ ip, length, interface: owner });
  }
  return found;
}

/** Any port: a datagram socket that is connected sends nothing. */
const PORT = 9;

/**
 * The address that the kernel would send from to that host, by its routes; undefined where none of
 * them leads there.
 */
export function sourceAddressFor(to: Ip): Ip | undefined {
  using libc = openLibc({ ...SOCKET, ...STREAM });
  const domain = familyOf(to) === 4 ? KERNEL.AF_INET : KERNEL.AF_INET6;
  const kind = { domain, type: KERNEL.SOCK_DGRAM, purpose: "socket that asks for a route" };
  using fd = openSocket(libc, kind);
  const address = sockaddrIp(to, PORT);
  const result = libc.symbols.connect(fd.number, address, address.length);
  return result < 0 ? undefined : localAddress(libc, fd)?.ip;
}
