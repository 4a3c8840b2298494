import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import {
  decodeGroups,
  groupDumpRequest,
  type GroupOnInterface,
} from "../../../netlink/multicast.ts";
import { createDumpBuffer, openRouteSocket, request } from "./socket.ts";

/** The kernel fills up to 32 KiB of a listing into one datagram. */
const DATAGRAM_BYTES = 64 * 1024;
/** Some hundred thousand groups. */
const DATAGRAMS = 256;

/** The groups of IPv6 that this machine's interfaces let in now. @throws OsError */
export function readGroups(): GroupOnInterface[] {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using fd = openRouteSocket(libc);
  request(libc, fd, groupDumpRequest(), "request for the list of multicast groups");
  // The kernel writes a part of its list whenever one is read: nothing is to be waited for.
  return [...createDumpBuffer(libc, fd, DATAGRAM_BYTES).receive(DATAGRAMS)]
    .flatMap(decodeGroups);
}
