import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import {
  ARP_FRAME_LENGTH,
  gratuitous,
  type GratuitousForm,
  writeArp,
} from "../../../arp/packet.ts";
import { DROP_REASONS, type DropReason } from "../../../neighbour/drops.ts";
import {
  type AddressCounters,
  countersOf,
  countGratuitous,
  dropsOf,
  foreignSendersOf,
  type InterfaceAddress,
  openTable,
  requireReplyLease,
  setInterfaces,
  setOwned,
  TABLE_BYTES,
} from "../../../neighbour/table.ts";
import type { Millis } from "../../../base/time.ts";
import type { Mac } from "../../../net/ethernet.ts";
import { type Ip, type Ip4, type Ip6 } from "../../../net/ip.ts";
import {
  ADVERTISEMENT_FRAME_LENGTH,
  unsolicitedAdvertisement,
  writeNdp,
} from "../../../ndp/packet.ts";
import { requireCapability } from "../capabilities.ts";
import type { PartWorker } from "../worker/link.ts";
import { type Conflict, type PacketOrder, PROGRESS } from "./orders.ts";
import { openPacketSocket, sendFrame, takeDroppedFrames } from "./socket.ts";

/** Why a frame got no reply: by the rules, or for the machine could not keep up. */
export type FrameDropReason = DropReason | "buffer-full" | "stale" | "unsent";

interface SocketResponderOptions {
  /** Whose thread answers. */
  readonly worker: PartWorker;
  /** Ends it as disposing does. */
  readonly signal: AbortSignal;
  /** Another host says that an owned address is its own; told at most ten times a second for each host. */
  readonly onConflict: (conflict: Conflict) => void;
  /** What `problem` says changed. */
  readonly onProblem: () => void;
}

/** Answers ARP and NDP for the addresses owned; disposing of it leaves no descriptor behind. */
export interface SocketResponder extends AsyncDisposable {
  /** In place of those before; holds from the next frame. */
  setOwned(ips: readonly Ip[]): void;
  /** In place of those before: on others nothing is answered. */
  setInterfaces(interfaces: readonly InterfaceAddress[]): void;
  /**
   * Announces to all hosts on an interface that the address is here: by ARP as a request and then
   * as a reply, by NDP as an unsolicited advertisement. A full queue is tried again. @throws OsError when the interface is down or gone
   */
  sendGratuitous(ip: Ip, ifindex: number, mac: Mac): Promise<void>;
  counters(ip: Ip): AddressCounters;
  /** From now on replies are sent only while the reply lease in {@link table} is being renewed. */
  requireReplyLease(): void;
  /** The shared memory, in which the reply lease is renewed. */
  readonly table: SharedArrayBuffer;
  /** Frames without reply since the start. */
  drops(): ReadonlyMap<FrameDropReason, number>;
  /** Answered requests that came by another host than their sender. */
  foreignSenders(): number;
  /** Why the Worker answers nothing any more: it ended unasked, or hangs. */
  problem(): string | undefined;
}

/** Waits before a gratuitous frame is tried again: its second form is due within 10 ms. */
const RETRY_AFTER_MS: readonly Millis[] = [1, 2, 4];
const FORMS: readonly GratuitousForm[] = ["request", "reply"];

/**
 * Opens the socket, starts the Worker and gives the responder when it works. It answers for
 * nothing yet.
 * @throws MissingCapability, OsError, or Error when the Worker cannot start
 */
export async function startSocketResponder(
  options: SocketResponderOptions,
): Promise<SocketResponder> {
  const { signal } = options;
  signal.throwIfAborted();
  await using resources = new AsyncDisposableStack();
  const libc = resources.use(openLibc(SOCKET));
  requireCapability("CAP_NET_RAW", "to answer ARP requests");
  const arpFd = resources.use(openPacketSocket(libc, "arp"));
  const ndpFd = resources.use(openPacketSocket(libc, "ndp"));
  const tableMemory = new SharedArrayBuffer(TABLE_BYTES);
  const progressMemory = new SharedArrayBuffer(4 * PROGRESS.size);
  const table = openTable(tableMemory);
  const progress = new Int32Array(progressMemory);
  const link = resources.use(
    await options.worker.link<PacketOrder, never, Conflict>({
      name: "herald-arp",
      onNews: options.onConflict,
      onFault: options.onProblem,
      onHang: options.onProblem,
    }),
  );
  const packetFds = { arp: arpFd.number, ndp: ndpFd.number };
  await link.ask({ packetFds, table: tableMemory, progress: progressMemory });
  const closing = resources.move();
  let closed: Promise<void> | undefined;
  const close = () => closed ??= closing.disposeAsync();
  // The caller that disposes of the responder hears of an error; here nobody would.
  const onAbort = () => void close().catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  closing.defer(() => signal.removeEventListener("abort", onAbort));

  async function send(ip: Ip, ifindex: number, frame: Uint8Array<ArrayBuffer>): Promise<void> {
    const fd = typeof ip === "number" ? arpFd : ndpFd;
    for (const pauseMs of [...RETRY_AFTER_MS, undefined]) {
      const refusal = sendFrame(libc, fd, frame, ifindex);
      if (refusal === undefined) return countGratuitous(table, ip);
      if (pauseMs === undefined || signal.aborted) throw refusal;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  let dropped = 0;
  return {
    setOwned: (ips) => setOwned(table, ips),
    setInterfaces: (interfaces) => setInterfaces(table, interfaces),
    sendGratuitous: async (ip, ifindex, mac) => {
      // Whoever answered until now hears first that this node does: both do until then.
      await Promise.resolve();
      for (const frame of announcementsOf(ip, mac)) await send(ip, ifindex, frame);
    },
    requireReplyLease: () => requireReplyLease(table),
    table: tableMemory,
    counters: (ip) => countersOf(table, ip),
    drops: () => {
      // After the end there is no socket to ask: the last count remains.
      if (closed === undefined) {
        dropped += takeDroppedFrames(libc, arpFd) + takeDroppedFrames(libc, ndpFd);
      }
      const byReason = new Map<FrameDropReason, number>();
      const counts = dropsOf(table);
      DROP_REASONS.forEach((reason, index) => byReason.set(reason, counts[index] ?? 0));
      byReason.set("buffer-full", dropped);
      byReason.set("stale", Atomics.load(progress, PROGRESS.stale) >>> 0);
      byReason.set("unsent", Atomics.load(progress, PROGRESS.unsent) >>> 0);
      return byReason;
    },
    foreignSenders: () => foreignSendersOf(table),
    problem: () => link.problem(),
    [Symbol.asyncDispose]: close,
  };
}

function announcementsOf(ip: Ip, mac: Mac): Uint8Array<ArrayBuffer>[] {
  return typeof ip === "number"
    ? FORMS.map((form) => arpFrame(ip, mac, form))
    : [ndpFrame(ip, mac)];
}

function arpFrame(ip: Ip4, mac: Mac, form: GratuitousForm): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ARP_FRAME_LENGTH);
  writeArp(gratuitous(ip, mac, form), frame);
  return frame;
}

function ndpFrame(ip: Ip6, mac: Mac): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ADVERTISEMENT_FRAME_LENGTH);
  writeNdp(unsolicitedAdvertisement(ip, mac), frame);
  return frame;
}
