import { KERNEL } from "../../../ffi/constants.ts";
import type { Libc, POLL, SOCKET } from "../../../ffi/libc.ts";
import { poll, pollSet, readiness } from "../../../ffi/poll.ts";
import { OsError } from "../../../ffi/result.ts";
import { int32, SOCKADDR_LL } from "../../../ffi/structs.ts";
import { ARP_FRAME_LENGTH } from "../../arp/packet.ts";
import { NO_REPLY, repliedFor, respond } from "../../arp/respond.ts";
import { type AddressTable, countReply, slotOf } from "../../arp/table.ts";
import { FRAME_BYTES } from "./arp_filter.ts";

/** The wait ends at least so often, to show that the loop lives. */
const TURN_MS = 1_000;
/** Two turns so far apart mean that the process or the machine stood still. */
const PAUSE_MS = 2 * TURN_MS;
/** Frames between two looks at the wake descriptor: a flood must not keep the loop from ending. */
const FRAMES_PER_TURN = 256;
/**
 * Looks into the socket after a reply, before the thread sleeps: some 20 µs, in which the next
 * request of a burst is taken without the cost of waking. One by one across a bridge a reply came
 * after 7.5 µs in place of 22, the kernel's own after 6.5. Requests for others end no sleep longer.
 */
const LOOKS_AFTER_REPLY = 60;

/** Places in the shared numbers by which the main thread watches the loop. */
export const PROGRESS = { turns: 0, stale: 1, unsent: 2, size: 3 } as const;

export interface LoopOptions {
  readonly libc: Libc<typeof SOCKET & typeof POLL>;
  readonly packetFd: number;
  /** Readable: the loop ends. */
  readonly wakeFd: number;
  readonly table: AddressTable;
  readonly progress: Int32Array;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Answers ARP requests until the wake descriptor is readable; holds its thread up all the while.
 * Makes no object for a frame: one buffer in, one out, and the kernel's note on the sender serves
 * as the address of the reply, for it names the interface.
 * @throws OsError when the wait itself is refused, or the socket is closed
 */
export function answerRequests(options: LoopOptions): void {
  const { libc, packetFd, wakeFd, progress, now } = options;
  const set = pollSet([packetFd, wakeFd]);
  const receiver = openReceiver(options);
  let last = now();
  while (true) {
    poll(libc, set, TURN_MS);
    if (readiness(set, 1) !== 0) return;
    Atomics.add(progress, PROGRESS.turns, 1);
    const turn = now();
    if (turn - last > PAUSE_MS) {
      // What waited meanwhile is old, and the addresses may be another node's by now.
      while (receiver.receive() > 0) Atomics.add(progress, PROGRESS.stale, 1);
    }
    last = turn;
    const ready = readiness(set, 0);
    if ((ready & KERNEL.POLLNVAL) !== 0) throw new OsError("poll", 0, "packet socket is closed");
    if (ready !== 0) receiver.answerAll(FRAMES_PER_TURN);
  }
}

interface Receiver {
  /** Takes a frame out of the socket and gives its length, or less than 1 when there is none. */
  receive(): number;
  /** Answers what waits, `limit` frames at the most. */
  answerAll(limit: number): void;
}

function openReceiver({ libc, packetFd, table, progress }: LoopOptions): Receiver {
  const { recvfrom, sendto } = libc.symbols;
  const frame = new Uint8Array(FRAME_BYTES);
  const reply = new Uint8Array(ARP_FRAME_LENGTH);
  const from = new Uint8Array(SOCKADDR_LL.size);
  const fromView = new DataView(from.buffer);
  const fromLength = int32(SOCKADDR_LL.size);
  const frameBytes = BigInt(frame.length);
  const replyBytes = BigInt(reply.length);
  const receive = () =>
    recvfrom(packetFd, frame, frameBytes, KERNEL.MSG_DONTWAIT, from, fromLength);
  const answer = (length: number): boolean => {
    const ifindex = fromView.getInt32(SOCKADDR_LL.ifindex, true);
    if (respond(frame, length, ifindex, table, reply) === NO_REPLY) return false;
    // A full queue or an interface that went: the requester asks again.
    const sent = sendto(packetFd, reply, replyBytes, KERNEL.MSG_DONTWAIT, from, SOCKADDR_LL.size);
    const slot = sent < 0 ? -1 : slotOf(table, repliedFor(reply));
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
