import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import { type Libc, openLibc, SOCKET } from "../../../../ffi/libc.ts";
import { int32, SOCKADDR_LL } from "../../../../ffi/structs.ts";
import { ARP_FRAME_LENGTH, arpProbe, decodeArp, writeArp } from "../../../arp/packet.ts";
import { isWireError } from "../../../base/errors.ts";
import { decodeNdp, duplicateProbe, writeNdp } from "../../../ndp/packet.ts";
import type { Mac } from "../../../net/ethernet.ts";
import type { Ip } from "../../../net/ip.ts";
import { claimOfArp, claimOfNdp } from "../../../speaker/address_probe.ts";
import { FRAME_BYTES } from "./filter.ts";
import { openPacketSocket, type PacketProtocol, PROTOCOLS, sendFrame } from "./socket.ts";

/** What a host says of an address: that it has it, or wants it. */
export interface Claim {
  readonly ip: Ip;
  readonly mac: Mac;
}

/** Asks for addresses, and hears what hosts say of any. */
export interface ClaimListener extends Disposable {
  /** Sends a probe out of these interfaces (RFC 5227 §2.1.1, RFC 4862 §5.4.2). */
  probe(ip: Ip, interfaces: readonly { readonly ifindex: number; readonly mac: Mac }[]): void;
  /** What was said since the last question. */
  claims(): readonly Claim[];
}

/** Frames of one protocol that one question takes: a flood must not hold the thread up. */
const FRAMES_PER_LOOK = 4_096;

/** Opens sockets of its own for both protocols. @throws OsError */
export function openClaimListener(): ClaimListener {
  using unfinished = new DisposableStack();
  const libc = unfinished.use(openLibc(SOCKET));
  const fds = {
    arp: unfinished.use(openPacketSocket(libc, "arp")),
    ndp: unfinished.use(openPacketSocket(libc, "ndp")),
  };
  const opened = unfinished.move();
  return {
    probe(ip, interfaces) {
      const fd = typeof ip === "number" ? fds.arp : fds.ndp;
      // An interface that is down or gone has no hosts to ask.
      for (const { ifindex, mac } of interfaces) sendFrame(libc, fd, probeOf(ip, mac), ifindex);
    },
    claims: () => PROTOCOLS.flatMap((protocol) => takeClaims(libc, fds[protocol], protocol)),
    [Symbol.dispose]: () => opened.dispose(),
  };
}

function takeClaims(libc: Libc<typeof SOCKET>, fd: Fd, protocol: PacketProtocol): Claim[] {
  const found: Claim[] = [];
  const frame = new Uint8Array(FRAME_BYTES);
  const from = new Uint8Array(SOCKADDR_LL.size);
  const fromLength = int32(from.length);
  const { recvfrom } = libc.symbols;
  for (let count = 0; count < FRAMES_PER_LOOK; count++) {
    const room = BigInt(frame.length);
    const length = recvfrom(fd.number, frame, room, KERNEL.MSG_DONTWAIT, from, fromLength);
    if (length <= 0) break;
    const claim = claimOf(frame.subarray(0, length), protocol);
    if (claim !== undefined) found.push(claim);
  }
  return found;
}

function claimOf(bytes: Uint8Array, protocol: PacketProtocol): Claim | undefined {
  if (protocol === "arp") {
    const packet = decodeArp(bytes);
    return isWireError(packet) ? undefined : claimOfArp(packet);
  }
  const packet = decodeNdp(bytes);
  return isWireError(packet) ? undefined : claimOfNdp(packet);
}

function probeOf(ip: Ip, mac: Mac): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_BYTES);
  const length = typeof ip === "number"
    ? writeArp(arpProbe(ip, mac), frame)
    : writeNdp(duplicateProbe(ip, mac), frame);
  return frame.slice(0, Math.max(length, ARP_FRAME_LENGTH));
}
