import { readU16, writeU16 } from "../lib/net/ethernet.ts";
import { type Ip, type Ip4, ip6 } from "../lib/net/ip.ts";
import { KERNEL } from "./constants.ts";
import type { Bytes } from "./libc.ts";

/** Connected sockets. */
export const STREAM = {
  // int connect(int fd, const struct sockaddr *address, socklen_t length)
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // ssize_t send(int fd, const void *bytes, size_t n, int flags)
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // ssize_t recv(int fd, void *bytes, size_t n, int flags)
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // unsigned int if_nametoindex(const char *name): 0 when there is none
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // int shutdown(int fd, int how)
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** struct sockaddr_in: an IPv4 address and port, ip(7). */
export const SOCKADDR_IN = { size: 16, family: 0, port: 2, address: 4 } as const;
/** struct sockaddr_in6: an IPv6 address, port and interface, ipv6(7). */
export const SOCKADDR_IN6 = { size: 28, family: 0, port: 2, address: 8, scopeId: 24 } as const;
/** struct tcp_md5sig: the key for a peer, linux/tcp.h. */
export const TCP_MD5SIG = { size: 216, address: 0, keyLength: 130, key: 136 } as const;

/** The address of a socket; `scopeId` is the interface of a link-local IPv6 address, else 0. */
export function sockaddrIp(ip: Ip, port: number, scopeId = 0): Bytes {
  if (typeof ip === "number") {
    const bytes = new Uint8Array(SOCKADDR_IN.size);
    const view = new DataView(bytes.buffer);
    view.setUint16(SOCKADDR_IN.family, KERNEL.AF_INET, true);
    writeU16(bytes, SOCKADDR_IN.port, port); // network order, as the address
    view.setUint32(SOCKADDR_IN.address, ip, false);
    return bytes;
  }
  const bytes = new Uint8Array(SOCKADDR_IN6.size);
  const view = new DataView(bytes.buffer);
  view.setUint16(SOCKADDR_IN6.family, KERNEL.AF_INET6, true);
  writeU16(bytes, SOCKADDR_IN6.port, port);
  view.setBigUint64(SOCKADDR_IN6.address, ip >> 64n, false);
  view.setBigUint64(SOCKADDR_IN6.address + 8, ip & 0xffff_ffff_ffff_ffffn, false);
  view.setUint32(SOCKADDR_IN6.scopeId, scopeId, true);
  return bytes;
}

/** Reads what the kernel wrote as the address of a socket; undefined for another family. */
export function readSockaddrIp(
  bytes: Bytes,
): { readonly ip: Ip; readonly port: number; readonly scopeId: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const family = view.getUint16(SOCKADDR_IN.family, true);
  if (family === KERNEL.AF_INET) {
    const ip = view.getUint32(SOCKADDR_IN.address, false) as Ip4;
    return { ip, port: readU16(bytes, SOCKADDR_IN.port), scopeId: 0 };
  }
  if (family !== KERNEL.AF_INET6) return undefined;
  const high = view.getBigUint64(SOCKADDR_IN6.address, false);
  const ip = ip6(high << 64n | view.getBigUint64(SOCKADDR_IN6.address + 8, false));
  const scopeId = view.getUint32(SOCKADDR_IN6.scopeId, true);
  return { ip, port: readU16(bytes, SOCKADDR_IN6.port), scopeId };
}

/** The MD5 key (RFC 2385) for segments from and to a peer; at most 80 bytes. */
export function tcpMd5sig(peer: Ip, key: Uint8Array): Bytes {
  const bytes = new Uint8Array(TCP_MD5SIG.size);
  bytes.set(sockaddrIp(peer, 0), TCP_MD5SIG.address);
  new DataView(bytes.buffer).setUint16(TCP_MD5SIG.keyLength, key.length, true);
  bytes.set(key, TCP_MD5SIG.key);
  return bytes;
}
