/**
 * Numbers of the kernel's interface, named as in its headers; the same on x86-64 and arm64. A test
 * asks the C compiler for each.
 */
export const KERNEL = {
  AF_NETLINK: 16,
  AF_PACKET: 17,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0x800,
  SOCK_CLOEXEC: 0x80000,
  EFD_CLOEXEC: 0x80000,
  EFD_NONBLOCK: 0x800,
  NETLINK_ROUTE: 0,
  ETH_P_ARP: 0x0806,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  SOL_SOCKET: 1,
  SO_ERROR: 4,
  SO_RCVBUF: 8,
  SO_ATTACH_FILTER: 26,
  SO_RCVBUFFORCE: 33,
  SOL_PACKET: 263,
  PACKET_STATISTICS: 6,
  POLLIN: 1,
  POLLOUT: 4,
  POLLERR: 8,
  POLLHUP: 0x10,
  POLLNVAL: 0x20,
  CAP_NET_RAW: 13,
  _LINUX_CAPABILITY_VERSION_3: 0x20080522,
} as const;
