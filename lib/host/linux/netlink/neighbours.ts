import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import {
  decodeNeighbours,
  type Neighbour,
  neighbourDumpRequest,
} from "../../../netlink/neighbour.ts";
import { createDumpBuffer, openRouteSocket, request } from "./socket.ts";

/** The kernel fills up to 32 KiB of a listing into one datagram. */
const DATAGRAM_BYTES = 64 * 1024;
/** Some hundred thousand neighbours. */
const DATAGRAMS = 256;

/** The hosts that this machine has talked to, as its kernel knows them now. @throws OsError */
export function readNeighbours(): Neighbour[] {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using fd = openRouteSocket(libc);
  request(libc, fd, neighbourDumpRequest(), "request for the list of neighbours");
  // The kernel writes a part of its list whenever one is read: nothing is to be waited for.
  return [...createDumpBuffer(libc, fd, DATAGRAM_BYTES).receive(DATAGRAMS)]
    .flatMap(decodeNeighbours);
}
