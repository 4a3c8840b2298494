import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import { ipv6Mreq } from "../../../../ffi/structs.ts";
import { solicitedNodeGroup } from "../../../ndp/packet.ts";
import { type Ip, type Ip6, ip6 } from "../../../net/ip.ts";
import { readGroups } from "../netlink/groups.ts";
import { openSocket, trySetOption } from "../socket.ts";

/** Membership in the groups to which solicitations for our addresses go. */
export interface SolicitedGroups extends Disposable {
  /** In place of those before. Gives how many could not be joined. */
  set(ips: readonly Ip[], ifindexes: readonly number[]): number;
  /**
   * Interfaces changed: a membership goes with its interface, and with what IPv6 knows of it, but its
   * socket still counts it. Those that are gone are joined anew by the next {@link set}.
   * @throws OsError when the kernel does not tell which are there
   */
  forgetLost(): void;
}

/** The kernel holds some 20 KiB of options for a socket: room for so many memberships. */
const PER_SOCKET = 256;
/** Beyond that switches with snooping would drop the groups as well. */
const MAX_MEMBERSHIPS = 8_192;

interface Membership {
  readonly fd: Fd;
  readonly group: Ip6;
  readonly ifindex: number;
}

/**
 * Joins groups through sockets of its own: the kernel then reports them by MLD (RFC 3810), so that
 * switches with snooping forward solicitations here, and network cards let them in.
 */
export function openSolicitedGroups(
  libc: Libc<typeof SOCKET>,
  read = readGroups,
): SolicitedGroups {
  const joined = new Map<string, Membership>();
  const sockets: { readonly fd: Fd; count: number }[] = [];

  function socketWithRoom(): { readonly fd: Fd; count: number } {
    const found = sockets.find(({ count }) => count < PER_SOCKET);
    if (found !== undefined) return found;
    const purpose = "to join solicited-node groups";
    const kind = { domain: KERNEL.AF_INET6, type: KERNEL.SOCK_DGRAM, purpose };
    const made = { fd: openSocket(libc, kind), count: 0 };
    sockets.push(made);
    return made;
  }

  function change(option: "IPV6_ADD_MEMBERSHIP" | "IPV6_DROP_MEMBERSHIP", on: Membership): boolean {
    const request = ipv6Mreq(on.group, on.ifindex);
    return trySetOption(libc, on.fd, KERNEL.IPPROTO_IPV6, KERNEL[option], request);
  }

  function leave(key: string, membership: Membership): void {
    // Refused when the interface is gone: then the membership went with it.
    change("IPV6_DROP_MEMBERSHIP", membership);
    joined.delete(key);
    const socket = sockets.find(({ fd }) => fd === membership.fd);
    if (socket !== undefined) socket.count--;
  }

  return {
    forgetLost() {
      if (joined.size === 0) return;
      const there = new Set(read().map(({ group, ifindex }) => keyOf(group, ifindex)));
      for (const [key, membership] of joined) if (!there.has(key)) leave(key, membership);
    },
    set(ips, ifindexes) {
      const groups = new Set(
        ips.filter((ip) => typeof ip === "bigint").map((ip) => solicitedNodeGroup(ip6(ip))),
      );
      const wanted = new Map<string, { readonly group: Ip6; readonly ifindex: number }>();
      for (const ifindex of ifindexes) {
        for (const group of groups) wanted.set(keyOf(group, ifindex), { group, ifindex });
      }
      for (const [key, membership] of joined) if (!wanted.has(key)) leave(key, membership);
      let refused = 0;
      for (const [key, { group, ifindex }] of wanted) {
        if (joined.has(key)) continue;
        if (joined.size >= MAX_MEMBERSHIPS) {
          refused++;
          continue;
        }
        const socket = socketWithRoom();
        const membership = { fd: socket.fd, group, ifindex };
        if (change("IPV6_ADD_MEMBERSHIP", membership)) {
          joined.set(key, membership);
          socket.count++;
        } else refused++;
      }
      return refused;
    },
    [Symbol.dispose]() {
      // The memberships go with their sockets.
      for (const { fd } of sockets) fd[Symbol.dispose]();
      joined.clear();
    },
  };
}

function keyOf(group: Ip6, ifindex: number): string {
  return `${group} ${ifindex}`;
}
