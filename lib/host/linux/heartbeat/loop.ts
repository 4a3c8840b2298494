import { CLOCK, monotonicClock } from "../../../../ffi/clock.ts";
import { KERNEL } from "../../../../ffi/constants.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { pollSet, readiness } from "../../../../ffi/poll.ts";
import { sockaddrIp } from "../../../../ffi/tcp.ts";
import { type DATAGRAM, datagramReader, TIMESPEC, writeTimespec } from "../../../../ffi/udp.ts";
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
import type { Ip, Ip4 } from "../../../net/ip.ts";
import { type AddressTable, openTable, renewLease } from "../../../neighbour/table.ts";
import type { HeartbeatNews, HeartbeatOrder, HeartbeatTarget } from "./orders.ts";
import { openHeartbeatSocket } from "./socket.ts";
import { type KernelLease, openKernelLease } from "../reply_lease.ts";

export type HeartbeatLibc = Libc<typeof SOCKET & typeof POLL & typeof DATAGRAM & typeof CLOCK>;

/** The beats of this speaker, run by whoever calls {@link HeartbeatEngine.wait}. */
export interface HeartbeatEngine extends Disposable {
  /** Gives the port of an "open". @throws OsError when the socket cannot be had */
  carryOut(order: HeartbeatOrder): number | undefined;
  /** Sends, receives and watches the time until the wake descriptor is readable. */
  wait(wakeFd: number): void;
}

interface Open {
  readonly order: HeartbeatOrder & { readonly kind: "open" };
  readonly fd: Fd;
  readonly monitor: MonitorState;
  readonly table: AddressTable | undefined;
  readonly kernel: KernelLease | undefined;
}

/** Datagrams of one turn: a flood must not keep the timers waiting. */
const READS_PER_TURN = 256;
const LONGEST_WAIT_MS = 1_000;
const MAX_DATAGRAM = 1_500;

/** Makes an engine that is not open yet. */
export function createHeartbeatEngine(
  libc: HeartbeatLibc,
  tell: (news: HeartbeatNews) => void,
): HeartbeatEngine {
  const clock = monotonicClock(libc);
  const now = (): Instant => instant(clock());
  const read = datagramReader(libc, MAX_DATAGRAM);
  const readErrors = datagramReader(libc, MAX_DATAGRAM, 512);
  const timeout = new Uint8Array(TIMESPEC.size);
  const targets = new Map<
    string,
    { readonly target: HeartbeatTarget; readonly to: Uint8Array<ArrayBuffer> }
  >();
  const byAddress = new Map<string, string>();
  const refused = new Map<string, number>();
  let refusedToldAt = 0;
  let open: Open | undefined;
  let sequence = 0;
  let heardFrom: Ip = 0 as Ip4;
  /** The process stood still: no reply leaves before the main thread knows. */
  let held = false;

  function advance(event: MonitorEvent): void {
    if (open === undefined) return;
    const actions = step(open.monitor, event, now(), Math.random);
    let beat: Uint8Array<ArrayBuffer> | undefined;
    for (const action of actions) {
      if (action.kind !== "send") perform(action);
      // All peers get the same beat: it is signed once.
      else if (action.body.kind === "beat") transmit(action.to, beat ??= sign(action.body, open));
      else transmit(action.to, sign(action.body, open));
    }
  }

  function sign(body: HeartbeatBody, { order }: Open): Uint8Array<ArrayBuffer> {
    const [key = new Uint8Array()] = order.keys;
    return encodeHeartbeat(
      { sender: order.self, boot: order.boot, sequence: ++sequence, body },
      key,
    );
  }

  function transmit(name: string, bytes: Uint8Array<ArrayBuffer>): void {
    const to = targets.get(name)?.to;
    if (to === undefined || open === undefined) return;
    const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_NOSIGNAL;
    // The kernel tells of an earlier packet's refusal by failing the next call, whomever that is
    // for: only the second try fails for a reason of its own, and is as lost as on the way.
    for (let attempt = 0; attempt < 2; attempt++) {
      const size = BigInt(bytes.length);
      const sent = libc.symbols.sendto(open.fd.number, bytes, size, flags, to, to.length);
      if (sent === bytes.length) return;
    }
  }

  function perform(action: Exclude<MonitorAction, { kind: "send" }>): void {
    switch (action.kind) {
      case "awake":
        return held ? undefined : renew(action.until);
      case "paused":
        held = true;
        return tell(action);
      case "stranger":
        return tell({ ...action, address: heardFrom });
      default:
        return tell(action);
    }
  }

  function renew(until: Instant): void {
    if (open?.table !== undefined) renewLease(open.table, until);
    open?.kernel?.renew(until);
  }

  function receive({ fd, order }: Open): void {
    for (let turn = 0; turn < READS_PER_TURN; turn++) {
      const datagram = read(fd, KERNEL.MSG_DONTWAIT);
      if (datagram === undefined) return;
      const packet = decodeHeartbeat(datagram.bytes, order.keys);
      if (isWireError(packet)) refuse(packet.reason);
      else if ((targets.get(packet.sender)?.target.address ?? datagram.from) !== datagram.from) {
        refuse("bad-sender");
      } else {
        heardFrom = datagram.from;
        advance({ kind: "packet", packet });
      }
    }
  }

  /** What the kernel has got to know of packets that we sent: nobody there, or no way. */
  function receiveErrors({ fd }: Open): void {
    for (let turn = 0; turn < READS_PER_TURN; turn++) {
      const datagram = readErrors(fd, KERNEL.MSG_DONTWAIT | KERNEL.MSG_ERRQUEUE);
      if (datagram === undefined) return;
      const name = byAddress.get(`${datagram.from} ${datagram.port}`);
      if (name !== undefined) advance({ kind: "unreachable", name });
    }
  }

  function refuse(reason: string): void {
    refused.set(reason, (refused.get(reason) ?? 0) + 1);
  }

  function tellRefused(): void {
    if (refused.size === 0 || now() - refusedToldAt < 1_000) return;
    refusedToldAt = now();
    tell({ kind: "refused", reasons: Object.fromEntries(refused) });
    refused.clear();
  }

  function setTargets(next: readonly HeartbeatTarget[]): void {
    targets.clear();
    byAddress.clear();
    for (const target of next) {
      targets.set(target.name, { target, to: sockaddrIp(target.address, target.port) });
      byAddress.set(`${target.address} ${target.port}`, target.name);
    }
    advance({ kind: "peers", peers: next });
  }

  return {
    carryOut(order) {
      switch (order.kind) {
        case "open": {
          const { fd, port } = openHeartbeatSocket(libc, order.address, order.port);
          const { table, mapFd } = order.lease ?? {};
          open = {
            order,
            fd,
            monitor: createMonitor(order.timing),
            table: table && openTable(table),
            kernel: mapFd === undefined ? undefined : openKernelLease(mapFd),
          };
          advance({ kind: "tick" });
          return port;
        }
        case "targets":
          setTargets(order.targets);
          return undefined;
        case "resume":
          held = false;
          advance({ kind: "tick" });
          if (open !== undefined) renew(after(now(), open.order.timing.intervalMs));
          return undefined;
        default:
          advance(order);
          return undefined;
      }
    },
    wait(wakeFd) {
      const set = pollSet(open === undefined ? [wakeFd] : [wakeFd, open.fd.number]);
      for (;;) {
        const due = open === undefined
          ? LONGEST_WAIT_MS
          : nextDeadline(open.monitor, now()) - now();
        writeTimespec(timeout, Math.min(LONGEST_WAIT_MS, Math.max(0, due)));
        const ready = libc.symbols.ppoll(set.bytes, set.count, timeout, null);
        if (open !== undefined) {
          // The tick comes first: it notices a pause before anything of that time is believed.
          advance({ kind: "tick" });
          const events = ready > 0 ? readiness(set, 1) : 0;
          if ((events & KERNEL.POLLERR) !== 0) receiveErrors(open);
          if ((events & KERNEL.POLLIN) !== 0) receive(open);
          tellRefused();
        }
        if (ready > 0 && readiness(set, 0) !== 0) return;
      }
    },
    [Symbol.dispose]() {
      open?.fd[Symbol.dispose]();
      open?.kernel?.[Symbol.dispose]();
      open = undefined;
    },
  };
}
