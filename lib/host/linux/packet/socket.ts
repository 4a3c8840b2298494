import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Bytes, Libc, SOCKET } from "../../../../ffi/libc.ts";
import { checked, OsError } from "../../../../ffi/result.ts";
import {
  int32,
  readInt32,
  SOCKADDR_LL,
  sockaddrLl,
  TPACKET_STATS,
} from "../../../../ffi/structs.ts";
import { readU16 } from "../../../net/ethernet.ts";
import { attachFilter, bindSocket, openSocket, trySetOption } from "../socket.ts";
import { arpFilter, ndpFilter } from "./filter.ts";

type SocketLibc = Libc<typeof SOCKET>;

/** Room for some 5,000 frames: a burst while the Worker waits for a processor. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** What a packet socket receives: one protocol's frames, and of those what its filter lets by. */
export type PacketProtocol = "arp" | "ndp";
export const PROTOCOLS: readonly PacketProtocol[] = ["arp", "ndp"];

const FILTERS = {
  arp: { etherType: KERNEL.ETH_P_ARP, filter: arpFilter },
  ndp: { etherType: KERNEL.ETH_P_IPV6, filter: ndpFilter },
} as const;

/**
 * Opens one raw socket (packet(7)) that receives a protocol's frames of every interface, of those too
 * that come later, and tells of each the interface: bound to none, it outlives them all. Frames of
 * a bridge's or bond's port come in once, on its master, as the kernel gives them to protocols.
 *
 * Until it is bound the socket receives nothing, so no frame passes before the filter is in.
 * @throws OsError; without CAP_NET_RAW the first call fails
 */
export function openPacketSocket(libc: SocketLibc, protocol: PacketProtocol): Fd {
  const { etherType, filter } = FILTERS[protocol];
  const purpose = `raw packet socket for ${protocol}`;
  const kind = { domain: KERNEL.AF_PACKET, type: KERNEL.SOCK_RAW, purpose };
  return openSocket(libc, kind, (fd) => {
    const steps = filter();
    const done = attachFilter(libc, fd, steps);
    checked(libc, done ? 0 : -1, "setsockopt", `SO_ATTACH_FILTER with ${steps.length} steps`);
    // Beyond net.core.rmem_max only with CAP_NET_ADMIN: else as much as anyone gets.
    const { SOL_SOCKET, SO_RCVBUF, SO_RCVBUFFORCE } = KERNEL;
    if (!trySetOption(libc, fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)) {
      trySetOption(libc, fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    }
    const everywhere = sockaddrLl(KERNEL.AF_PACKET, etherType, 0);
    bindSocket(libc, fd, everywhere, `${purpose} on every interface`);
  });
}

/** Frames that the kernel dropped, for the receive buffer was full, since the last question. */
export function takeDroppedFrames(libc: SocketLibc, fd: Fd): number {
  const statistics = new Uint8Array(TPACKET_STATS.size);
  const length = int32(statistics.length);
  const { SOL_PACKET, PACKET_STATISTICS } = KERNEL;
  const result = libc.symbols.getsockopt(
    fd.number,
    SOL_PACKET,
    PACKET_STATISTICS,
    statistics,
    length,
  );
  checked(libc, result, "getsockopt", "PACKET_STATISTICS of the packet socket");
  return readInt32(statistics, TPACKET_STATS.drops) >>> 0;
}

/**
 * Sends a whole Ethernet frame out of an interface; undefined when it is on its way, else why not:
 * the queue is full, the interface is down or gone.
 */
export function sendFrame(
  libc: SocketLibc,
  fd: Fd,
  frame: Bytes,
  ifindex: number,
): OsError | undefined {
  // The protocol is what sniffers and the kernel's own filters go by.
  const to = sockaddrLl(KERNEL.AF_PACKET, readU16(frame, 12), ifindex);
  const size = BigInt(frame.length);
  const sent = libc.symbols.sendto(
    fd.number,
    frame,
    size,
    KERNEL.MSG_DONTWAIT,
    to,
    SOCKADDR_LL.size,
  );
  if (sent === frame.length) return undefined;
  return new OsError(
    "sendto",
    sent < 0 ? libc.errnoHint() : 0,
    `frame on interface ${ifindex}`,
  );
}
