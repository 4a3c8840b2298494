import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { poll, pollSet } from "../../../../ffi/poll.ts";
import { checked, OsError } from "../../../../ffi/result.ts";
import { int32, readInt32, SOCKADDR_NL, sockaddrNl } from "../../../../ffi/structs.ts";
import { bindSocket, openSocket, takeSocketError, trySetOption } from "../socket.ts";
import { GROUPS, linkDumpRequest } from "../../../netlink/route.ts";

type RouteLibc = Libc<typeof SOCKET & typeof POLL>;

const RECEIVE_BUFFER_BYTES = 1024 * 1024;

/**
 * Opens a socket of rtnetlink(7) to which the kernel tells each change of an interface or its
 * addresses. @throws OsError
 */
export function openRouteSocket(libc: RouteLibc): Fd {
  const kind = {
    domain: KERNEL.AF_NETLINK,
    type: KERNEL.SOCK_RAW,
    protocol: KERNEL.NETLINK_ROUTE,
    purpose: "netlink socket for interfaces",
  };
  return openSocket(libc, kind, (fd) => {
    trySetOption(libc, fd, KERNEL.SOL_SOCKET, KERNEL.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    const address = sockaddrNl(KERNEL.AF_NETLINK, 0, GROUPS);
    bindSocket(libc, fd, address, "netlink socket to the events on interfaces");
  });
}

/** Asks for all interfaces; the answers carry the number. @throws OsError */
export function requestDump(libc: RouteLibc, fd: Fd, sequence: number): void {
  request(libc, fd, linkDumpRequest(sequence), "request for the list of interfaces");
}

/** Asks the kernel; `what` names it in the error. @throws OsError */
export function request(
  libc: RouteLibc,
  fd: Fd,
  message: Uint8Array<ArrayBuffer>,
  what: string,
): void {
  const kernel = sockaddrNl(KERNEL.AF_NETLINK, 0, 0);
  const size = BigInt(message.length);
  const sent = libc.symbols.sendto(fd.number, message, size, 0, kernel, kernel.length);
  checked(libc, sent, "sendto", what);
}

/**
 * Whether the kernel marked a loss (ENOBUFS), by what a wait found on the socket.
 * @throws OsError when the socket is closed
 */
export function takeError(libc: RouteLibc, fd: Fd, ready: number): boolean {
  if ((ready & KERNEL.POLLNVAL) !== 0) throw new OsError("poll", 9, "netlink socket is closed");
  if ((ready & (KERNEL.POLLERR | KERNEL.POLLHUP)) === 0) return false;
  return takeSocketError(libc, fd) !== 0;
}

/** Takes datagrams out of a netlink socket. */
interface DumpBuffer {
  /** What waits, from the kernel only; each is valid until the next one. */
  receive(limit: number): Generator<Uint8Array>;
  /** Whether something was lost since the last question. */
  takeLoss(): boolean;
}

/** `datagramBytes` is the room for one at first; a larger one is lost and makes it grow. */
export function createDumpBuffer(libc: RouteLibc, fd: Fd, datagramBytes: number): DumpBuffer {
  let bytes = new Uint8Array(datagramBytes);
  const from = new Uint8Array(SOCKADDR_NL.size);
  const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_TRUNC;
  const again = pollSet([fd.number]);
  let loss = false;
  return {
    *receive(limit) {
      for (let count = 0; count < limit; count++) {
        const size = BigInt(bytes.length);
        const fromLength = int32(from.length);
        const length = libc.symbols.recvfrom(fd.number, bytes, size, flags, from, fromLength);
        if (length < 0) {
          // Refused and yet there is something: it was no "not ready" but a loss that was told.
          if (poll(libc, again, 0) > 0) loss = true;
          return;
        }
        if (readInt32(from, SOCKADDR_NL.pid) !== 0) continue; // any process may send here
        if (length > bytes.length) {
          bytes = new Uint8Array(length);
          loss = true;
        } else yield bytes.subarray(0, length);
      }
    },
    takeLoss() {
      const lost = loss;
      loss = false;
      return lost;
    },
  };
}
