import { KERNEL } from "../../../../ffi/constants.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import { OsError } from "../../../../ffi/result.ts";
import { int32, SOCKADDR_LL } from "../../../../ffi/structs.ts";
import type { Millis } from "../../../base/time.ts";
import { ARP_FRAME_LENGTH } from "../../../arp/packet.ts";
import {
  conflictOf as arpConflictOf,
  repliedFor,
  respond as respondArp,
} from "../../../arp/respond.ts";
import { ADVERTISEMENT_FRAME_LENGTH, AT } from "../../../ndp/packet.ts";
import { conflictOf as ndpConflictOf, respond as respondNdp } from "../../../ndp/respond.ts";
import { DROP } from "../../../neighbour/drops.ts";
import {
  type AddressTable,
  countDrop,
  countReply,
  hasReplyLease,
  openTable,
  slotOf,
  slotOf6,
} from "../../../neighbour/table.ts";
import { MAC_LENGTH, readMac, readU32 } from "../../../net/ethernet.ts";
import type { Ip4 } from "../../../net/ip.ts";
import { readIp6 } from "../../../net/octets6.ts";
import type { ThreadPart } from "../worker/wait.ts";
import { type ConflictTeller, createConflictTeller } from "./conflict_teller.ts";
import { FRAME_BYTES } from "./filter.ts";
import { type Conflict, type PacketOrder, PROGRESS } from "./orders.ts";
import { type PacketProtocol, PROTOCOLS } from "./socket.ts";

/** A turn comes at least so often, to notice a pause. */
const TURN_MS = 1_000;
/** Two turns so far apart mean that the process or the machine stood still. */
const PAUSE_MS = 2 * TURN_MS;
/** Frames of one turn: a flood must not keep the thread's other parts waiting. */
const FRAMES_PER_TURN = 256;
/** More than a socket's buffer holds: what comes after so many did not wait. */
const MOST_WAITING_FRAMES = 16_384;
/**
 * Looks into the socket after a reply, before the thread sleeps: some 20 µs, in which the next
 * request of a burst is taken without the cost of waking. One by one across a bridge a reply came
 * after 7.5 µs in place of 22, the kernel's own after 6.5. Requests for others end no sleep longer.
 */
const LOOKS_AFTER_REPLY = 60;

const ARP_BYTES = BigInt(ARP_FRAME_LENGTH);
const NDP_BYTES = BigInt(ADVERTISEMENT_FRAME_LENGTH);

/** What an engine answers by. */
interface Answering {
  readonly table: AddressTable;
  readonly progress: Int32Array;
  readonly packetFds: readonly number[];
  readonly receivers: readonly Receiver[];
  /** When the last turn began. */
  turn: Millis;
}

/**
 * Makes a part that answers ARP requests and neighbour solicitations, once it is told by what: each
 * order takes the place of the one before. Makes no object for a frame: one buffer in, one out, and
 * the kernel's note on the sender serves as the address of the reply, for it names the interface.
 * `now` is the machine's clock since it booted, by which reply leases are given.
 */
export function createPacketPart(
  libc: Libc<typeof SOCKET>,
  now: () => Millis,
  onConflict: (conflict: Conflict) => void,
): ThreadPart<PacketOrder, never> {
  let answering: Answering | undefined;
  const conflicts = createConflictTeller(onConflict);
  return {
    carryOut({ packetFds, ...memory }) {
      const table = openTable(memory.table);
      const progress = new Int32Array(memory.progress);
      const create = (protocol: PacketProtocol) =>
        createReceiver(libc, protocol, packetFds[protocol], table, progress, now, conflicts);
      answering = {
        table,
        progress,
        packetFds: PROTOCOLS.map((protocol) => packetFds[protocol]),
        receivers: PROTOCOLS.map(create),
        turn: now(),
      };
      return undefined;
    },
    descriptors: () => answering?.packetFds ?? [],
    waitMs: () => Math.min(TURN_MS, conflicts.waitMs(now())),
    turn(events) {
      if (answering === undefined) return;
      // An order or a ping that ends the wait shows as well that the thread is awake.
      beginTurn(answering, now());
      answerReady(answering, events);
      conflicts.settle(now());
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** Throws away what waited while the thread stood still, or while nothing may be answered. */
function beginTurn(answering: Answering, turn: Millis): void {
  const { table, progress, receivers } = answering;
  if (turn - answering.turn > PAUSE_MS || !hasReplyLease(table, turn)) {
    // What waited meanwhile is old, and the addresses may be another node's by now. A flood that is
    // faster than this must not keep the thread's other parts from their turn for ever.
    for (const { receive } of receivers) {
      for (let count = 0; count < MOST_WAITING_FRAMES && receive() > 0; count++) {
        Atomics.add(progress, PROGRESS.stale, 1);
      }
    }
  }
  answering.turn = turn;
}

/** Answers what a wait has found. @throws OsError when a socket is closed */
function answerReady({ receivers }: Answering, events: (place: number) => number): void {
  for (let place = 0; place < receivers.length; place++) {
    const ready = events(place);
    if ((ready & KERNEL.POLLNVAL) !== 0) throw new OsError("poll", 0, "packet socket is closed");
    if (ready !== 0) receivers[place]?.answerAll(FRAMES_PER_TURN);
  }
}

interface Receiver {
  /** Takes a frame out of the socket and gives its length, or less than 1 when there is none. */
  receive(): number;
  /** Answers what waits, `limit` frames at the most. */
  answerAll(limit: number): void;
}

function createReceiver(
  libc: Libc<typeof SOCKET>,
  protocol: PacketProtocol,
  packetFd: number,
  table: AddressTable,
  progress: Int32Array,
  now: () => Millis,
  conflicts: ConflictTeller,
): Receiver {
  const { recvfrom, sendto } = libc.symbols;
  const isArp = protocol === "arp";
  const respond = isArp ? respondArp : respondNdp;
  const conflictOf = isArp ? arpConflictOf : ndpConflictOf;
  const frame = new Uint8Array(FRAME_BYTES);
  const reply = new Uint8Array(ADVERTISEMENT_FRAME_LENGTH);
  const from = new Uint8Array(SOCKADDR_LL.size);
  const fromView = new DataView(from.buffer);
  const fromLength = int32(SOCKADDR_LL.size);
  const frameBytes = BigInt(frame.length);
  const receive = () =>
    recvfrom(packetFd, frame, frameBytes, KERNEL.MSG_DONTWAIT, from, fromLength);
  const report = (at: number, ifindex: number) => {
    const ip = isArp ? readU32(frame, at) as Ip4 : readIp6(frame, at);
    const mac = readMac(frame, isArp ? at - MAC_LENGTH : MAC_LENGTH);
    conflicts.seen({ ip, mac, ifindex }, now());
  };
  const answer = (length: number): boolean => {
    const ifindex = fromView.getInt32(SOCKADDR_LL.ifindex, true);
    const claimed = conflictOf(frame, length, ifindex, table, reply);
    if (claimed >= 0) report(claimed, ifindex);
    const size = respond(frame, length, ifindex, table, reply);
    if (size === 0) return false;
    if (!hasReplyLease(table, now())) {
      countDrop(table, DROP.notAwake);
      return false;
    }
    // A full queue or an interface that went: the requester asks again.
    const bytes = isArp ? ARP_BYTES : NDP_BYTES;
    const sent = sendto(packetFd, reply, bytes, KERNEL.MSG_DONTWAIT, from, SOCKADDR_LL.size);
    const slot = sent < 0
      ? -1
      : isArp
      ? slotOf(table, repliedFor(reply))
      : slotOf6(table, reply, AT.target);
    if (slot >= 0) countReply(table, slot);
    else if (sent < 0) Atomics.add(progress, PROGRESS.unsent, 1);
    return true;
  };
  const answerAll = (limit: number) => {
    let looks = 0;
    for (let count = 0; count < limit;) {
      const length = receive();
      if (length > 0) {
        count++;
        if (answer(length)) looks = LOOKS_AFTER_REPLY;
      } else if (looks-- <= 0) return;
    }
  };
  return { receive, answerAll };
}
