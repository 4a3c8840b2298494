import type { Bytes } from "./libc.ts";

// Layouts of the 64-bit Linux ABIs, x86-64 and arm64 alike: offsets of fields in bytes. Host order
// is little-endian on both; network order is written out where the kernel wants it.

/** struct sockaddr_ll: an interface, packet(7). */
export const SOCKADDR_LL = { size: 20, family: 0, protocol: 2, ifindex: 4 } as const;
/** struct sockaddr_nl: a netlink port and groups, netlink(7). */
export const SOCKADDR_NL = { size: 12, family: 0, pid: 4, groups: 8 } as const;
/** struct pollfd: a descriptor, what is waited for and what came. */
export const POLLFD = { size: 8, fd: 0, events: 4, revents: 6 } as const;
/** struct sock_filter: one instruction of a classic BPF program. */
export const SOCK_FILTER = { size: 8, code: 0, jt: 2, jf: 3, k: 4 } as const;
/** struct sock_fprog: the program's length and the address of its instructions. */
export const SOCK_FPROG = { size: 16, len: 0, filter: 8 } as const;
/** struct tpacket_stats: frames seen and lost since it was last asked for. */
export const TPACKET_STATS = { size: 8, drops: 4 } as const;
/** struct __user_cap_header_struct: which version of the data; thread 0 is the calling one. */
export const CAP_HEADER = { size: 8, version: 0 } as const;
/** struct __user_cap_data_struct; version 3 takes two of them, the low 32 capabilities first. */
export const CAP_DATA = { size: 12, effective: 0 } as const;

/** struct ipv6_mreq: a group and the interface on which to join it. */
const IPV6_MREQ = { size: 20, group: 0, ifindex: 16 } as const;

/** Opcodes of classic BPF (linux/filter.h), and what the kernel tells of a packet beside its octets. */
export const CLASSIC_BPF = {
  loadWord: 0x20,
  loadHalf: 0x28,
  and: 0x54,
  jumpEqual: 0x15,
  return: 0x06,
  packetType: 0xffff_f000 + 4,
  vlanTag: 0xffff_f000 + 44,
  random: 0xffff_f000 + 56,
  /** Here the header of IP begins, also where the program sees only what comes after it. */
  network: 0xfff0_0000,
} as const;
/** What SO_MEMINFO tells of a socket, words: the last one counts what it did not take. */
export const MEMINFO = { size: 36, drops: 32 } as const;

/** One instruction of a classic BPF program. */
export type FilterStep = readonly [code: number, jt: number, jf: number, k: number];

/** The address of an interface; `protocol` is an EtherType, `ifindex` 0 means every interface. */
export function sockaddrLl(family: number, protocol: number, ifindex: number): Bytes {
  const { bytes, view } = blank(SOCKADDR_LL.size);
  view.setUint16(SOCKADDR_LL.family, family, true);
  view.setUint16(SOCKADDR_LL.protocol, protocol, false); // network order
  view.setInt32(SOCKADDR_LL.ifindex, ifindex, true);
  return bytes;
}

/** A netlink address: `pid` 0 leaves the choice to the kernel, `groups` is a set of bits. */
export function sockaddrNl(family: number, pid: number, groups: number): Bytes {
  const { bytes, view } = blank(SOCKADDR_NL.size);
  view.setUint16(SOCKADDR_NL.family, family, true);
  view.setUint32(SOCKADDR_NL.pid, pid, true);
  view.setUint32(SOCKADDR_NL.groups, groups, true);
  return bytes;
}

/** Instructions one after the other. */
export function sockFilter(steps: readonly FilterStep[]): Bytes {
  const { bytes, view } = blank(steps.length * SOCK_FILTER.size);
  steps.forEach(([code, jt, jf, k], index) => {
    const at = index * SOCK_FILTER.size;
    view.setUint16(at + SOCK_FILTER.code, code, true);
    view.setUint8(at + SOCK_FILTER.jt, jt);
    view.setUint8(at + SOCK_FILTER.jf, jf);
    view.setUint32(at + SOCK_FILTER.k, k >>> 0, true);
  });
  return bytes;
}

/** A program of `length` instructions, which begin at `address`. */
export function sockFprog(length: number, address: bigint): Bytes {
  const { bytes, view } = blank(SOCK_FPROG.size);
  view.setUint16(SOCK_FPROG.len, length, true);
  view.setBigUint64(SOCK_FPROG.filter, address, true);
  return bytes;
}

/** A multicast group on an interface. */
export function ipv6Mreq(group: bigint, ifindex: number): Bytes {
  const { bytes, view } = blank(IPV6_MREQ.size);
  view.setBigUint64(IPV6_MREQ.group, group >> 64n, false); // network order
  view.setBigUint64(IPV6_MREQ.group + 8, BigInt.asUintN(64, group), false);
  view.setUint32(IPV6_MREQ.ifindex, ifindex, true);
  return bytes;
}

/** A number of 32 bits in host order, as most socket options are. */
export function int32(value: number): Bytes {
  const { bytes, view } = blank(4);
  view.setInt32(0, value, true);
  return bytes;
}

/** Reads a number of 32 bits in host order. */
export function readInt32(bytes: Bytes, offset = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(offset, true);
}

function blank(size: number): { bytes: Bytes; view: DataView } {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}
