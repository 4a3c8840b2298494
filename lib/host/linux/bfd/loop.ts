import { bootClock, type CLOCK } from "../../../../ffi/clock.ts";
import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import type { STREAM } from "../../../../ffi/tcp.ts";
import { type DATAGRAM, datagramReader } from "../../../../ffi/udp.ts";
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
import { familyOf } from "../../../net/ip.ts";
import type { ThreadPart } from "../worker/wait.ts";
import type { BfdEvent, BfdOrder, BfdSessionStatus, BfdTarget } from "./orders.ts";
import { BFD_PORT, openBfdReceiver, openBfdSender } from "./socket.ts";

type BfdLibc = Libc<typeof SOCKET & typeof STREAM & typeof DATAGRAM & typeof CLOCK>;

/** All sessions of this node. */
interface Engine {
  readonly libc: BfdLibc;
  readonly tell: (event: BfdEvent) => void;
  readonly now: () => Instant;
  readonly read: ReturnType<typeof datagramReader>;
  readonly sessions: Map<string, Running>;
  /** By family and number of hops; each stays open once a session needed it. */
  readonly receivers: Map<string, Receiver>;
}

interface Running {
  target: BfdTarget;
  readonly session: BfdSession;
  socket: Fd | undefined;
  readonly counts: Counts;
  readonly dropped: Map<BfdDrop, number>;
}

interface Counts {
  controlPacketsInput: number;
  controlPacketsOutput: number;
  upEvents: number;
  downEvents: number;
}

interface Receiver {
  readonly fd: Fd;
  readonly multihop: boolean;
}

const SINGLE_HOP_TTL = 255;
/** Datagrams of one turn: a flood must not keep the timers waiting. */
const READS_PER_TURN = 64;
const LONGEST_WAIT_MS = 1_000;
const MAX_DATAGRAM = 256;

/** Makes a part without sessions, which tells of each change of a session's state. */
export function createBfdPart(
  libc: BfdLibc,
  tell: (event: BfdEvent) => void,
): ThreadPart<BfdOrder, BfdSessionStatus[]> {
  const clock = bootClock(libc);
  const engine: Engine = {
    libc,
    tell,
    now: () => instant(clock()),
    read: datagramReader(libc, MAX_DATAGRAM),
    sessions: new Map(),
    receivers: new Map(),
  };
  return {
    carryOut: (order) => carryOut(engine, order),
    descriptors: () => [...engine.receivers.values()].map(({ fd }) => fd.number),
    waitMs: () => waitMs(engine),
    turn: (events) => turn(engine, events),
    stop: () => endAll(engine),
    [Symbol.dispose]() {
      for (const { fd } of engine.receivers.values()) fd[Symbol.dispose]();
      for (const { socket } of engine.sessions.values()) socket?.[Symbol.dispose]();
    },
  };
}

function carryOut(engine: Engine, order: BfdOrder): BfdSessionStatus[] | undefined {
  switch (order.kind) {
    case "targets":
      return setTargets(engine, order.targets);
    case "admin-down":
      return endAll(engine);
    case "status":
      return [...engine.sessions.values()].map(statusOf);
  }
}

/** In place of those before; others than before begin or end. @throws OsError when a port is taken */
function setTargets(engine: Engine, targets: readonly BfdTarget[]): undefined {
  const wanted = new Map(targets.map((target) => [target.key, target]));
  for (const one of [...engine.sessions.values()]) {
    const next = wanted.get(one.target.key);
    if (next === undefined || !isSamePath(next, one.target)) end(engine, one);
    else {
      one.target = next;
      if (!isSameProfile(next, one.session)) {
        advance(engine, one, { kind: "profile", profile: next.profile });
      }
    }
  }
  for (const target of targets) if (!engine.sessions.has(target.key)) begin(engine, target);
}

function begin(engine: Engine, target: BfdTarget): void {
  const { sessions } = engine;
  const ids = new Set([...sessions.values()].map(({ session }) => session.localDiscriminator));
  let id = 0;
  while (id === 0 || ids.has(id)) id = Math.floor(Math.random() * 0x1_0000_0000);
  const one: Running = {
    target,
    session: createBfdSession(target.profile, id),
    socket: undefined,
    counts: { controlPacketsInput: 0, controlPacketsOutput: 0, upEvents: 0, downEvents: 0 },
    dropped: new Map(),
  };
  sessions.set(target.key, one);
  openReceiver(engine, target);
  advance(engine, one, { kind: "start" });
}

function openReceiver({ libc, receivers }: Engine, { peerAddress, multihop }: BfdTarget): void {
  const family = familyOf(peerAddress);
  const key = `${family} ${multihop}`;
  if (receivers.has(key)) return;
  receivers.set(key, { fd: openBfdReceiver(libc, family, portOf(multihop)), multihop });
}

function end(engine: Engine, one: Running): void {
  advance(engine, one, { kind: "admin-down" });
  one.socket?.[Symbol.dispose]();
  engine.sessions.delete(one.target.key);
}

/** Tells each peer AdminDown. */
function endAll(engine: Engine): undefined {
  for (const one of engine.sessions.values()) advance(engine, one, { kind: "admin-down" });
}

function advance(engine: Engine, one: Running, event: BfdSessionEvent): void {
  for (const action of step(one.session, event, engine.now(), Math.random)) {
    if (action.kind === "send") transmit(engine, one, encodeBfd(action.packet));
    else {
      if (action.state === "Up") one.counts.upEvents++;
      if (action.previous === "Up") one.counts.downEvents++;
      const { kind: _, ...change } = action;
      engine.tell({ key: one.target.key, ...change });
    }
  }
}

function transmit({ libc }: Engine, one: Running, bytes: Uint8Array<ArrayBuffer>): void {
  const { peerAddress: address, interfaceName, sourceAddress, multihop } = one.target;
  try {
    const peer = { address, port: portOf(multihop), interfaceName };
    one.socket ??= openBfdSender(libc, peer, sourceAddress);
  } catch {
    return; // no address or no route now; the next packet tries again
  }
  const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_NOSIGNAL;
  const sent = libc.symbols.send(one.socket.number, bytes, BigInt(BFD_LENGTH), flags);
  if (sent === BFD_LENGTH) one.counts.controlPacketsOutput++;
}

/** Sends, receives and watches the time. */
function turn(engine: Engine, events: (place: number) => number): void {
  let place = 0;
  for (const receiver of engine.receivers.values()) {
    if (events(place++) !== 0) receive(engine, receiver);
  }
  tick(engine);
}

function waitMs({ sessions, now }: Engine): number {
  const time = now();
  let least = LONGEST_WAIT_MS;
  for (const { session } of sessions.values()) {
    const deadline = nextBfdDeadline(session);
    if (deadline !== undefined) least = Math.min(least, Math.max(0, deadline - time));
  }
  return least;
}

function tick(engine: Engine): void {
  const time = engine.now();
  for (const one of engine.sessions.values()) {
    const deadline = nextBfdDeadline(one.session);
    if (deadline !== undefined && deadline <= time) advance(engine, one, { kind: "tick" });
  }
}

function receive(engine: Engine, { fd, multihop }: Receiver): void {
  for (let turn = 0; turn < READS_PER_TURN; turn++) {
    const datagram = engine.read(fd, KERNEL.MSG_DONTWAIT);
    if (datagram === undefined) return;
    const candidates = [...engine.sessions.values()].filter(({ target }) =>
      target.peerAddress === datagram.from && target.multihop === multihop
    );
    const [first] = candidates;
    if (first === undefined) continue; // no peer of ours: nothing counts it
    const packet = decodeBfd(datagram.bytes);
    const ttl = datagram.told ?? 0;
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
        one.counts.controlPacketsInput++;
        advance(engine, one, { kind: "packet", packet });
      }
    }
  }
}

function drop({ dropped }: Running, reason: BfdDrop): void {
  dropped.set(reason, (dropped.get(reason) ?? 0) + 1);
}

function statusOf({ target, session, counts, dropped }: Running): BfdSessionStatus {
  return {
    key: target.key,
    state: session.state,
    diagnostic: session.diagnostic,
    remoteDiscriminator: session.remoteDiscriminator,
    transmitIntervalMs: transmitIntervalMs(session),
    detectionTimeMs: detectionTimeMs(session),
    ...counts,
    dropped: Object.fromEntries(dropped),
  };
}

function portOf(multihop: boolean): number {
  return multihop ? BFD_PORT.multihop : BFD_PORT.singleHop;
}

function isSamePath(a: BfdTarget, b: BfdTarget): boolean {
  return a.peerAddress === b.peerAddress && a.sourceAddress === b.sourceAddress &&
    a.interfaceName === b.interfaceName && a.multihop === b.multihop;
}

function isSameProfile({ profile }: BfdTarget, session: BfdSession): boolean {
  return JSON.stringify(profile) === JSON.stringify(session.profile);
}
