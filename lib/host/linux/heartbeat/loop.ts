import { bootClock, type CLOCK } from "../../../../ffi/clock.ts";
import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, SOCKET } from "../../../../ffi/libc.ts";
import { sockaddrIp } from "../../../../ffi/tcp.ts";
import { type DATAGRAM, datagramReader } from "../../../../ffi/udp.ts";
import { isWireError } from "../../../base/errors.ts";
import { after, type Instant, instant } from "../../../base/time.ts";
import { decodeHeartbeat, encodeHeartbeat, type HeartbeatBody } from "../../../heartbeat/packet.ts";
import { nextDeadline, step } from "../../../heartbeat/monitor.ts";
import {
  createMonitor,
  type MonitorAction,
  type MonitorEvent,
  type MonitorState,
} from "../../../heartbeat/monitor_state.ts";
import { familyOf, type Ip, type Ip4 } from "../../../net/ip.ts";
import { type AddressTable, openTable, renewReplyLease } from "../../../neighbour/table.ts";
import type { ThreadPart } from "../worker/wait.ts";
import type { HeartbeatNews, HeartbeatOrder, HeartbeatTarget } from "./orders.ts";
import { openHeartbeatSocket } from "./socket.ts";
import { type Strangers, watchStrangers } from "../strangers.ts";
import { openReplyLease, type ReplyLease } from "../reply_lease.ts";

type HeartbeatLibc = Libc<typeof SOCKET & typeof DATAGRAM & typeof CLOCK>;

/** The beats of this speaker. */
interface Engine {
  readonly libc: HeartbeatLibc;
  readonly tell: (news: HeartbeatNews) => void;
  readonly now: () => Instant;
  readonly read: ReturnType<typeof datagramReader>;
  readonly readErrors: ReturnType<typeof datagramReader>;
  readonly targets: Map<string, Target>;
  readonly byAddress: Map<string, string>;
  /** Where the targets are: what comes from elsewhere is looked at seldom. */
  readonly sources: Set<Ip>;
  /** Packets that were refused and not told yet, by reason. */
  readonly refused: Map<string, number>;
  refusedToldAt: Instant;
  open: Open | undefined;
  sequence: number;
  heardFrom: Ip;
  /** How often the process stood still, and of which time the main thread knows: no reply leaves before. */
  pauses: number;
  knownPauses: number;
  /** When the next tick is due; undefined until it is asked for. */
  due: Instant | undefined;
}

interface Target {
  readonly target: HeartbeatTarget;
  readonly to: Uint8Array<ArrayBuffer>;
}

type OpenOrder = HeartbeatOrder & { readonly kind: "open" };

interface Open {
  readonly order: OpenOrder;
  readonly fd: Fd;
  readonly strangers: Strangers;
  readonly monitor: MonitorState;
  readonly table: AddressTable | undefined;
  readonly kernel: ReplyLease | undefined;
}

/** Datagrams of one turn: a flood must not keep the timers waiting. */
const READS_PER_TURN = 256;
const [LONGEST_WAIT_MS, MAX_DATAGRAM] = [1_000, 1_500];
const ERROR_CONTROL_BYTES = 512;
const TELL_REFUSED_EVERY_MS = 1_000;

/** Makes a part that is not open yet. */
export function createHeartbeatPart(
  libc: HeartbeatLibc,
  tell: (news: HeartbeatNews) => void,
): ThreadPart<HeartbeatOrder, number> {
  const clock = bootClock(libc);
  const engine: Engine = {
    libc,
    tell,
    now: () => instant(clock()),
    read: datagramReader(libc, MAX_DATAGRAM),
    readErrors: datagramReader(libc, MAX_DATAGRAM, ERROR_CONTROL_BYTES),
    targets: new Map(),
    byAddress: new Map(),
    sources: new Set(),
    refused: new Map(),
    refusedToldAt: instant(-Infinity),
    open: undefined,
    sequence: 0,
    heardFrom: 0 as Ip4,
    pauses: 0,
    knownPauses: 0,
    due: undefined,
  };
  return {
    carryOut: (order) => carryOut(engine, order),
    descriptors: () => engine.open === undefined ? [] : [engine.open.fd.number],
    waitMs: () => Math.min(LONGEST_WAIT_MS, dueAt(engine) - engine.now()),
    turn: (events) => engine.open && turn(engine, engine.open, events(0)),
    [Symbol.dispose]() {
      const { open } = engine;
      if (open === undefined) return;
      // First: the closed port tells the others that this speaker is gone, and they take over.
      renew(open, engine.now());
      open.fd[Symbol.dispose]();
      open.kernel?.[Symbol.dispose]();
    },
  };
}

/** Gives the port of an "open". @throws OsError when the socket cannot be had */
function carryOut(engine: Engine, order: HeartbeatOrder): number | undefined {
  switch (order.kind) {
    case "open":
      return open(engine, order);
    case "targets":
      return setTargets(engine, order.targets);
    case "resume":
      return resume(engine, order.pause);
    default:
      return advance(engine, order);
  }
}

function open(engine: Engine, order: OpenOrder): number {
  const { fd, port } = openHeartbeatSocket(engine.libc, order.address, order.port);
  const { table, mapFd } = order.lease ?? {};
  engine.open = {
    order,
    fd,
    strangers: watchStrangers(engine.libc, fd, familyOf(order.address), engine.sources),
    monitor: createMonitor(order.timing, order.self),
    table: table && openTable(table),
    kernel: mapFd === undefined ? undefined : openReplyLease(mapFd),
  };
  advance(engine, { kind: "tick" });
  return port;
}

function setTargets(engine: Engine, next: readonly HeartbeatTarget[]): undefined {
  const { targets, byAddress, sources } = engine;
  targets.clear();
  byAddress.clear();
  sources.clear();
  for (const target of next) {
    targets.set(target.name, { target, to: sockaddrIp(target.address, target.port) });
    byAddress.set(`${target.address} ${target.port}`, target.name);
    sources.add(target.address);
  }
  engine.open?.strangers.sourcesChanged();
  advance(engine, { kind: "peers", peers: next });
}

/** The word of an earlier pause frees nothing: by the next one others may own again. */
function resume(engine: Engine, pause: number): undefined {
  engine.knownPauses = Math.max(engine.knownPauses, pause);
  advance(engine, { kind: "tick" });
  if (engine.open === undefined || isHeld(engine)) return;
  renew(engine.open, after(engine.now(), engine.open.order.timing.intervalMs));
}

const isHeld = ({ knownPauses, pauses }: Engine) => knownPauses < pauses;

function advance(engine: Engine, event: MonitorEvent): undefined {
  const { open } = engine;
  if (open === undefined) return;
  engine.due = undefined;
  let last: { readonly body: HeartbeatBody; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
  for (const action of step(open.monitor, event, engine.now(), Math.random)) {
    if (action.kind !== "send") {
      perform(engine, open, action);
      continue;
    }
    const { body, to } = action;
    // What many peers get alike is signed once.
    if (last?.body !== body) last = { body, bytes: sign(engine, open, body) };
    transmit(engine, open, to, last.bytes);
  }
}

function sign(engine: Engine, { order }: Open, body: HeartbeatBody): Uint8Array<ArrayBuffer> {
  const { self: sender, boot, keys: [key = new Uint8Array()] } = order;
  return encodeHeartbeat({ sender, boot, sequence: ++engine.sequence, body }, key);
}

function transmit(
  { libc, targets }: Engine,
  { fd }: Open,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): void {
  const to = targets.get(name)?.to;
  if (to === undefined) return;
  const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_NOSIGNAL;
  // The kernel tells of an earlier packet's refusal by failing the next call, whichever peer
  // that is for: only the second try fails for a reason of its own, and is as lost as on the way.
  for (let attempt = 0; attempt < 2; attempt++) {
    const size = BigInt(bytes.length);
    const sent = libc.symbols.sendto(fd.number, bytes, size, flags, to, to.length);
    if (sent === bytes.length) return;
  }
}

function perform(
  engine: Engine,
  open: Open,
  action: Exclude<MonitorAction, { kind: "send" }>,
): void {
  switch (action.kind) {
    case "awake":
      return isHeld(engine) ? undefined : renew(open, action.until);
    case "paused":
      return engine.tell({ ...action, pause: ++engine.pauses });
    case "stranger":
      return engine.tell({ ...action, address: engine.heardFrom });
    default:
      return engine.tell(action);
  }
}

function renew({ table, kernel }: Open, until: Instant): void {
  if (table !== undefined) renewReplyLease(table, until);
  kernel?.renew(until);
}

/** Sends, receives and watches the time. */
function turn(engine: Engine, open: Open, events: number): void {
  // Other parts of the thread are woken for every frame: that is no reason to look at each peer.
  if (events === 0 && engine.now() < dueAt(engine)) return;
  // The tick comes first: it notices a pause before anything of that time is believed.
  advance(engine, { kind: "tick" });
  if ((events & KERNEL.POLLERR) !== 0) receiveErrors(engine, open);
  if ((events & KERNEL.POLLIN) !== 0) receive(engine, open);
  tellRefused(engine, open);
}

function dueAt(engine: Engine): Instant {
  if (engine.open === undefined) return instant(Infinity);
  return engine.due ??= nextDeadline(engine.open.monitor, engine.now());
}

function receive(engine: Engine, { fd, order, strangers }: Open): void {
  for (let turn = 0; turn < READS_PER_TURN; turn++) {
    const datagram = engine.read(fd, KERNEL.MSG_DONTWAIT);
    if (datagram === undefined) return;
    // The cheapest question first: a flood from elsewhere must cost no signature each.
    if (!engine.sources.has(datagram.from) && !strangers.mayKnock(engine.now())) {
      refuse(engine, "unknown-address");
      continue;
    }
    const packet = decodeHeartbeat(datagram.bytes, order.keys);
    if (isWireError(packet)) refuse(engine, packet.reason);
    else if (!mayComeFrom(engine, packet.sender, datagram.from)) refuse(engine, "bad-sender");
    else {
      engine.heardFrom = datagram.from;
      advance(engine, { kind: "packet", packet });
    }
  }
}

/** A speaker that gossip knows beats from the address that gossip tells. */
function mayComeFrom({ targets }: Engine, sender: string, from: Ip): boolean {
  const known = targets.get(sender);
  return known === undefined || known.target.address === from;
}

/** What the kernel learned of packets that we sent. A closed port says something of the process there. */
function receiveErrors(engine: Engine, { fd }: Open): void {
  for (let turn = 0; turn < READS_PER_TURN; turn++) {
    const datagram = engine.readErrors(fd, KERNEL.MSG_DONTWAIT | KERNEL.MSG_ERRQUEUE);
    if (datagram === undefined) return;
    const name = engine.byAddress.get(`${datagram.from} ${datagram.port}`);
    const isClosedPort = datagram.told === KERNEL.ECONNREFUSED;
    if (name !== undefined && isClosedPort) advance(engine, { kind: "refused", name });
  }
}

function refuse({ refused }: Engine, reason: string, count = 1): void {
  refused.set(reason, (refused.get(reason) ?? 0) + count);
}

function tellRefused(engine: Engine, { strangers }: Open): void {
  const { refused, tell, now } = engine;
  const keptOut = strangers.takeKeptOut(now());
  if (keptOut > 0) refuse(engine, "unknown-address", keptOut);
  if (refused.size === 0 || now() - engine.refusedToldAt < TELL_REFUSED_EVERY_MS) return;
  engine.refusedToldAt = now();
  tell({ kind: "refused", reasons: Object.fromEntries(refused) });
  refused.clear();
}
