import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { pollSet, readiness } from "../../../../ffi/poll.ts";
import type { STREAM } from "../../../../ffi/tcp.ts";
import { type DATAGRAM, datagramReader, TIMESPEC, writeTimespec } from "../../../../ffi/udp.ts";
import { type Instant, instant } from "../../../base/time.ts";
import { BFD_LENGTH, type BfdDrop, decodeBfd, encodeBfd } from "../../../bfd/packet.ts";
import {
  type BfdSession,
  type BfdSessionEvent,
  createBfdSession,
  detectionTimeMs,
  nextBfdDeadline,
  step,
  transmitIntervalMs,
} from "../../../bfd/session.ts";
import type { Family } from "../../../net/ip.ts";
import type { BfdEvent, BfdSessionStatus, BfdTarget } from "./orders.ts";
import { BFD_PORT, openBfdReceiver, openBfdSender } from "./socket.ts";

export type BfdLibc = Libc<typeof SOCKET & typeof STREAM & typeof POLL & typeof DATAGRAM>;

/** All sessions of this node, run by whoever calls {@link BfdEngine.wait}. */
export interface BfdEngine extends Disposable {
  /** In place of those before; others than before begin or end. @throws OsError when a port is taken */
  setTargets(targets: readonly BfdTarget[]): void;
  adminDown(): void;
  status(): BfdSessionStatus[];
  /** Sends, receives and watches the time until the wake descriptor is readable. */
  wait(wakeFd: number): void;
}

interface Running {
  target: BfdTarget;
  readonly session: BfdSession;
  socket: Fd | undefined;
  packetsIn: number;
  packetsOut: number;
  upEvents: number;
  downEvents: number;
  readonly dropped: Map<BfdDrop, number>;
}

interface Receiver {
  readonly fd: Fd;
  readonly multihop: boolean;
}

const SINGLE_HOP_TTL = 255;
/** Datagrams of one turn: a flood must not keep the timers waiting. */
const READS_PER_TURN = 64;
const LONGEST_WAIT_MS = 1_000;

/** Makes an engine without sessions; `report` is told of each change of state. */
export function createBfdEngine(
  libc: BfdLibc,
  report: (event: BfdEvent) => void,
  now: () => Instant = () => instant(performance.now()),
): BfdEngine {
  const running = new Map<string, Running>();
  const receivers = new Map<string, Receiver>();
  const read = datagramReader(libc, 256);
  const timeout = new Uint8Array(TIMESPEC.size);

  function advance(one: Running, event: BfdSessionEvent): void {
    for (const action of step(one.session, event, now(), Math.random)) {
      if (action.kind === "send") transmit(one, encodeBfd(action.packet));
      else {
        if (action.state === "Up") one.upEvents++;
        if (action.previous === "Up") one.downEvents++;
        const { kind: _, ...change } = action;
        report({ key: one.target.key, ...change });
      }
    }
  }

  function transmit(one: Running, bytes: Uint8Array<ArrayBuffer>): void {
    const { peerAddress: address, interfaceName, sourceAddress, multihop } = one.target;
    const port = multihop ? BFD_PORT.multihop : BFD_PORT.singleHop;
    try {
      one.socket ??= openBfdSender(
        libc,
        { address, port, interfaceName },
        sourceAddress,
        Math.random,
      );
    } catch {
      return; // no address or no route now; the next packet tries again
    }
    const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_NOSIGNAL;
    const sent = libc.symbols.send(one.socket.number, bytes, BigInt(BFD_LENGTH), flags);
    if (sent === BFD_LENGTH) one.packetsOut++;
  }

  function receive({ fd, multihop }: Receiver): void {
    for (let turn = 0; turn < READS_PER_TURN; turn++) {
      const datagram = read(fd, KERNEL.MSG_DONTWAIT);
      if (datagram === undefined) return;
      const candidates = [...running.values()].filter(({ target }) =>
        target.peerAddress === datagram.from && target.multihop === multihop
      );
      const [first] = candidates;
      if (first === undefined) continue; // nobody's peer: not worth a word
      const packet = decodeBfd(datagram.bytes);
      const ttl = datagram.ttl ?? 0;
      const leastTtl = multihop ? first.target.profile.minimumTtl : SINGLE_HOP_TTL;
      if (typeof packet === "string") drop(first, packet);
      else if (ttl < leastTtl) drop(first, "low-ttl");
      else {
        const { yourDiscriminator: id } = packet;
        const one = id === 0
          ? first
          : candidates.find(({ session }) => session.localDiscriminator === id);
        if (one === undefined) drop(first, "unknown-session");
        else {
          one.packetsIn++;
          advance(one, { kind: "packet", packet });
        }
      }
    }
  }

  function begin(target: BfdTarget): void {
    const ids = new Set([...running.values()].map(({ session }) => session.localDiscriminator));
    let id = 0;
    while (id === 0 || ids.has(id)) id = Math.floor(Math.random() * 0x1_0000_0000);
    const one: Running = {
      target,
      session: createBfdSession(target.profile, id),
      socket: undefined,
      packetsIn: 0,
      packetsOut: 0,
      upEvents: 0,
      downEvents: 0,
      dropped: new Map(),
    };
    running.set(target.key, one);
    openReceivers(target);
    advance(one, { kind: "start" });
  }

  function openReceivers({ peerAddress, multihop }: BfdTarget): void {
    const family: Family = typeof peerAddress === "number" ? 4 : 6;
    const key = `${family} ${multihop}`;
    if (receivers.has(key)) return;
    const port = multihop ? BFD_PORT.multihop : BFD_PORT.singleHop;
    receivers.set(key, { fd: openBfdReceiver(libc, family, port), multihop });
  }

  function end(one: Running): void {
    advance(one, { kind: "admin-down" });
    one.socket?.[Symbol.dispose]();
    running.delete(one.target.key);
  }

  return {
    setTargets(targets) {
      const wanted = new Map(targets.map((target) => [target.key, target]));
      for (const one of [...running.values()]) {
        const next = wanted.get(one.target.key);
        if (next === undefined || !samePath(next, one.target)) end(one);
        else {
          one.target = next;
          if (!sameProfile(next, one.session)) {
            advance(one, { kind: "profile", profile: next.profile });
          }
        }
      }
      for (const target of targets) if (!running.has(target.key)) begin(target);
    },
    adminDown() {
      for (const one of running.values()) advance(one, { kind: "admin-down" });
    },
    status: () =>
      [...running.values()].map(({ target, session, ...counts }) => ({
        key: target.key,
        state: session.state,
        diagnostic: session.diagnostic,
        remoteDiscriminator: session.remoteDiscriminator,
        transmitIntervalMs: transmitIntervalMs(session),
        detectionTimeMs: detectionTimeMs(session),
        controlPacketsInput: counts.packetsIn,
        controlPacketsOutput: counts.packetsOut,
        upEvents: counts.upEvents,
        downEvents: counts.downEvents,
        dropped: Object.fromEntries(counts.dropped),
      })),
    wait(wakeFd) {
      const open = [...receivers.values()];
      const set = pollSet([wakeFd, ...open.map(({ fd }) => fd.number)]);
      for (;;) {
        writeTimespec(timeout, waitMs(running.values(), now()));
        const ready = libc.symbols.ppoll(set.bytes, set.count, timeout, null);
        if (ready > 0) {
          open.forEach((receiver, index) => {
            if (readiness(set, index + 1) !== 0) receive(receiver);
          });
          if (readiness(set, 0) !== 0) return;
        }
        const time = now();
        for (const one of running.values()) {
          const deadline = nextBfdDeadline(one.session);
          if (deadline !== undefined && deadline <= time) advance(one, { kind: "tick" });
        }
      }
    },
    [Symbol.dispose]() {
      for (const { fd } of receivers.values()) fd[Symbol.dispose]();
      for (const { socket } of running.values()) socket?.[Symbol.dispose]();
      receivers.clear();
      running.clear();
    },
  };
}

function drop({ dropped }: Running, reason: BfdDrop): void {
  dropped.set(reason, (dropped.get(reason) ?? 0) + 1);
}

function waitMs(running: Iterable<Running>, now: Instant): number {
  let wait = LONGEST_WAIT_MS;
  for (const { session } of running) {
    const deadline = nextBfdDeadline(session);
    if (deadline !== undefined) wait = Math.min(wait, Math.max(0, deadline - now));
  }
  return wait;
}

function samePath(a: BfdTarget, b: BfdTarget): boolean {
  return a.peerAddress === b.peerAddress && a.sourceAddress === b.sourceAddress &&
    a.interfaceName === b.interfaceName && a.multihop === b.multihop;
}

function sameProfile({ profile }: BfdTarget, session: BfdSession): boolean {
  return JSON.stringify(profile) === JSON.stringify(session.profile);
}
