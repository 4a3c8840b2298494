import { openLibc, POLL, SOCKET } from "../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../ffi/poll.ts";
import { ARP_FRAME_LENGTH, gratuitous, type GratuitousForm, writeArp } from "../../arp/packet.ts";
import { DROP_REASONS, type DropReason } from "../../arp/respond.ts";
import {
  type AddressCounters,
  countersOf,
  countGratuitous,
  dropsOf,
  foreignSendersOf,
  type InterfaceAddress,
  openTable,
  setInterfaces,
  setOwned,
  TABLE_BYTES,
} from "../../arp/table.ts";
import type { Millis } from "../../base/time.ts";
import type { Mac } from "../../net/ethernet.ts";
import type { Ip4 } from "../../net/ip.ts";
import { requireCapability } from "./capabilities.ts";
import { PROGRESS } from "./packet_loop.ts";
import { openArpSocket, sendFrame, takeDroppedFrames } from "./packet_socket.ts";
import { startPacketWorker } from "./worker_control.ts";

/** Why a frame got no reply: by the rules, or for the machine could not keep up. */
export type ArpDropReason = DropReason | "buffer-full" | "stale" | "unsent";

export interface ArpResponderOptions {
  /**
   * Where packet_worker stands. Only the entry point knows: run from source it is
   * `lib/host/linux/packet_worker.ts`, bundled it is a `.js` beside the chunks.
   */
  readonly workerUrl: URL;
  /** Ends it as disposing does. */
  readonly signal: AbortSignal;
  /** The Worker ended unasked: nothing is answered any more. */
  readonly onFault: (error: Error) => void;
}

/** Answers ARP requests for the addresses owned; disposing of it leaves no descriptor behind. */
export interface ArpResponder extends AsyncDisposable {
  /** In place of those before; holds from the next frame. */
  setOwned(ips: readonly Ip4[]): void;
  /** In place of those before: on others nothing is answered. */
  setInterfaces(interfaces: readonly InterfaceAddress[]): void;
  /**
   * Announces to all hosts on an interface that the address is here, as a request and then as a
   * reply. A full queue is tried again. @throws OsError when the interface is down or gone
   */
  sendGratuitous(ip: Ip4, ifindex: number, mac: Mac): Promise<void>;
  counters(ip: Ip4): AddressCounters;
  /** Frames without reply since the start. */
  drops(): ReadonlyMap<ArpDropReason, number>;
  /** Answered requests that came by another host than their sender. */
  foreignSenders(): number;
  /** Whether the Worker works; to be asked each few seconds, with monotonic time. */
  alive(nowMs: Millis): boolean;
}

/** Longest silence of a Worker that shows itself once a second. */
const SILENCE_MS = 5_000;
/** Waits before a gratuitous frame is tried again: its second form is due within 10 ms. */
const RETRY_AFTER_MS: readonly Millis[] = [1, 2, 4];
const FORMS: readonly GratuitousForm[] = ["request", "reply"];

/**
 * Opens the socket, starts the Worker and gives the responder when it works. It answers for
 * nothing yet.
 * @throws MissingCapability, OsError, or Error when the Worker cannot start
 */
export async function startArpResponder(options: ArpResponderOptions): Promise<ArpResponder> {
  const { workerUrl, signal, onFault } = options;
  signal.throwIfAborted();
  await using resources = new AsyncDisposableStack();
  const libc = resources.use(openLibc({ ...SOCKET, ...POLL }));
  requireCapability("CAP_NET_RAW", "to answer ARP requests");
  const packetFd = resources.use(openArpSocket(libc));
  const wakeFd = resources.use(openWakeFd(libc));
  const tableMemory = new SharedArrayBuffer(TABLE_BYTES);
  const progressMemory = new SharedArrayBuffer(4 * PROGRESS.size);
  const table = openTable(tableMemory);
  const progress = new Int32Array(progressMemory);
  const worker = resources.use(
    await startPacketWorker(workerUrl, {
      packetFd: packetFd.number,
      wakeFd: wakeFd.number,
      table: tableMemory,
      progress: progressMemory,
    }, { wake: () => wake(libc, wakeFd), onFault }),
  );
  const closing = resources.move();
  let closed: Promise<void> | undefined;
  const close = () => closed ??= closing.disposeAsync();
  // Whoever disposes of the responder hears of an error; here it would be nobody's.
  const onAbort = () => void close().catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  closing.defer(() => signal.removeEventListener("abort", onAbort));

  async function send(ip: Ip4, ifindex: number, mac: Mac, form: GratuitousForm): Promise<void> {
    const frame = new Uint8Array(ARP_FRAME_LENGTH);
    writeArp(gratuitous(ip, mac, form), frame);
    for (const pauseMs of [...RETRY_AFTER_MS, undefined]) {
      const refusal = sendFrame(libc, packetFd, frame, ifindex);
      if (refusal === undefined) return countGratuitous(table, ip);
      if (pauseMs === undefined || signal.aborted) throw refusal;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  let dropped = 0;
  const seen = { turns: -1, atMs: 0 };
  return {
    setOwned: (ips) => setOwned(table, ips),
    setInterfaces: (interfaces) => setInterfaces(table, interfaces),
    sendGratuitous: async (ip, ifindex, mac) => {
      for (const form of FORMS) await send(ip, ifindex, mac, form);
    },
    counters: (ip) => countersOf(table, ip),
    drops: () => {
      // The last count stands after the end, when there is no socket to ask.
      if (closed === undefined) dropped += takeDroppedFrames(libc, packetFd);
      const byReason = new Map<ArpDropReason, number>();
      const counts = dropsOf(table);
      DROP_REASONS.forEach((reason, index) => byReason.set(reason, counts[index] ?? 0));
      byReason.set("buffer-full", dropped);
      byReason.set("stale", Atomics.load(progress, PROGRESS.stale) >>> 0);
      byReason.set("unsent", Atomics.load(progress, PROGRESS.unsent) >>> 0);
      return byReason;
    },
    foreignSenders: () => foreignSendersOf(table),
    alive: (nowMs) => {
      const turns = Atomics.load(progress, PROGRESS.turns);
      if (turns !== seen.turns) Object.assign(seen, { turns, atMs: nowMs });
      return worker.running() && nowMs - seen.atMs <= SILENCE_MS;
    },
    [Symbol.asyncDispose]: close,
  };
}
