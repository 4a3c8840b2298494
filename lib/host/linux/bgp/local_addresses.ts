import { crc32 } from "node:zlib";
import {
  familyOf,
  formatIp,
  type Ip,
  type Ip4,
  type Ip6,
  isLinkLocal,
  parseIp,
} from "../../../net/ip.ts";

/** Addresses of the interface that has `local`; none where no interface has it. */
function neighboursOf(local: Ip): readonly Ip[] {
  const interfaces = Deno.networkInterfaces();
  const own = interfaces.find(({ address }) => address === formatIp(local));
  return interfaces.filter(({ name }) => name === own?.name)
    .map(({ address }) => parseIp(address.split("%")[0] ?? ""))
    .filter((ip) => ip !== undefined);
}

/**
 * The BGP identifier where none is configured, as MetalLB chooses it: our IPv4 address of the
 * connection; over IPv6 the first IPv4 address of that interface; else one made of the node's name.
 */
export function routerIdAt(local: Ip, nodeName: string): Ip4 {
  if (typeof local === "number") return local;
  const first = neighboursOf(local).find((ip) => typeof ip === "number");
  return first ?? routerIdOfName(nodeName);
}

/** CRC-32 (IEEE) of the name, least significant octet first; never 0. */
export function routerIdOfName(nodeName: string): Ip4 {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, crc32(nodeName), true);
  return (bytes.getUint32(0, false) || 1) as Ip4;
}

/** Where a peer shall send traffic: our end of the connection, and its interface's other family. */
export function nextHopsAt(
  local: Ip,
): { readonly nextHop4: Ip4 | undefined; readonly nextHops6: readonly Ip6[] } {
  if (typeof local === "number") {
    const global = neighboursOf(local).find(isGlobal6);
    return { nextHop4: local, nextHops6: global === undefined ? [] : [global] };
  }
  const others = neighboursOf(local);
  const nextHop4 = others.find((ip) => typeof ip === "number");
  if (!isLinkLocal(local)) return { nextHop4, nextHops6: [local] };
  const global = others.find(isGlobal6);
  return { nextHop4, nextHops6: global === undefined ? [local] : [global, local] };
}

function isGlobal6(ip: Ip): ip is Ip6 {
  return familyOf(ip) === 6 && !isLinkLocal(ip);
}
