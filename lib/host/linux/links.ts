import { KERNEL } from "../../../ffi/constants.ts";
import { Fd } from "../../../ffi/fd.ts";
import { type Libc, openLibc, POLL, SOCKET } from "../../../ffi/libc.ts";
import { openWakeFd, poll, pollElsewhere, pollSet, readiness, wake } from "../../../ffi/poll.ts";
import { checked, errnoName, OsError } from "../../../ffi/result.ts";
import { int32, readInt32, SOCKADDR_NL, sockaddrNl } from "../../../ffi/structs.ts";
import { isWireError } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Link } from "../../netlink/link.ts";
import { emptyLinkTable, type LinkEvent, step } from "../../netlink/link_table.ts";
import { decodeRoute, GROUP_LINK, linkDumpRequest } from "../../netlink/route.ts";

export interface LinkWatchOptions {
  readonly signal: AbortSignal;
  /** All interfaces by ifindex: once at first, then after each change. */
  readonly onChange: (links: readonly Link[]) => void;
  /** Something went wrong and is being mended: events lost, a listing refused, a bad message. */
  readonly onTrouble: (message: string) => void;
}

type LinkLibc = Libc<typeof SOCKET & typeof POLL>;

const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/** The kernel fills up to 32 KiB of a listing into one datagram. */
const DATAGRAM_BYTES = 64 * 1024;
/** Datagrams between two looks at the signal. */
const DATAGRAMS_PER_TURN = 64;
const RETRY_MS: Millis = 1_000;

/**
 * Watches the network interfaces by rtnetlink(7) until the signal fires; the promise settles when
 * the socket is closed. Costs nothing while nothing changes. Losses are mended by listing again.
 * @throws OsError when the socket cannot be had or breaks
 */
export async function watchLinks(options: LinkWatchOptions): Promise<void> {
  const { signal, onChange, onTrouble } = options;
  signal.throwIfAborted();
  using libc = openLibc({ ...SOCKET, ...POLL });
  using fd = openRouteSocket(libc);
  using wakeFd = openWakeFd(libc);
  const onAbort = () => wake(libc, wakeFd);
  signal.addEventListener("abort", onAbort, { once: true });
  using timers = new DisposableStack();
  timers.defer(() => signal.removeEventListener("abort", onAbort));

  const table = emptyLinkTable();
  const inbox = openInbox(libc, fd);
  let dirty = false;
  let retry: number | undefined;
  timers.defer(() => clearTimeout(retry));
  function advance(event: LinkEvent): void {
    for (const action of step(table, event)) {
      if (action.kind === "changed") dirty = true;
      else if (action.kind === "request") requestDump(libc, fd, action.sequence);
      else {
        onTrouble(`The kernel refused to list the interfaces (${errnoName(action.errno)})`);
        retry = setTimeout(() => advance({ kind: "lost" }), RETRY_MS);
      }
    }
  }

  advance({ kind: "lost" });
  const set = pollSet([fd.number, wakeFd.number]);
  while (true) {
    await pollElsewhere(libc, set);
    if (signal.aborted) return;
    const lost = takeError(libc, fd, readiness(set, 0));
    for (const datagram of inbox.receive(DATAGRAMS_PER_TURN)) {
      for (const message of decodeRoute(datagram)) {
        if (!isWireError(message)) advance({ kind: "message", message });
        else onTrouble(`Netlink message left out at octet ${message.offset}: ${message.detail}`);
      }
    }
    if (lost || inbox.takeLoss()) {
      onTrouble("Events on interfaces were lost, listing them again");
      advance({ kind: "lost" });
    }
    if (dirty) {
      dirty = false;
      onChange([...table.links.values()].sort((a, b) => a.ifindex - b.ifindex));
    }
  }
}

function openRouteSocket(libc: LinkLibc): Fd {
  const { symbols } = libc;
  const type = KERNEL.SOCK_RAW | KERNEL.SOCK_CLOEXEC | KERNEL.SOCK_NONBLOCK;
  const number = symbols.socket(KERNEL.AF_NETLINK, type, KERNEL.NETLINK_ROUTE);
  const fd = new Fd(libc, checked(libc, number, "socket", "netlink socket for interfaces"));
  try {
    const size = int32(RECEIVE_BUFFER_BYTES);
    symbols.setsockopt(fd.number, KERNEL.SOL_SOCKET, KERNEL.SO_RCVBUF, size, 4);
    const address = sockaddrNl(KERNEL.AF_NETLINK, 0, GROUP_LINK);
    const bound = symbols.bind(fd.number, address, address.length);
    checked(libc, bound, "bind", "netlink socket to the events on interfaces");
    return fd;
  } catch (error) {
    fd[Symbol.dispose]();
    throw error;
  }
}

function requestDump(libc: LinkLibc, fd: Fd, sequence: number): void {
  const request = linkDumpRequest(sequence);
  const kernel = sockaddrNl(KERNEL.AF_NETLINK, 0, 0);
  const size = BigInt(request.length);
  const sent = libc.symbols.sendto(fd.number, request, size, 0, kernel, kernel.length);
  checked(libc, sent, "sendto", "request for the list of interfaces");
}

/** Whether the kernel marked a loss (ENOBUFS). @throws OsError when the socket is broken */
function takeError(libc: LinkLibc, fd: Fd, ready: number): boolean {
  if ((ready & KERNEL.POLLNVAL) !== 0) throw new OsError("poll", 9, "netlink socket is closed");
  if ((ready & (KERNEL.POLLERR | KERNEL.POLLHUP)) === 0) return false;
  const error = int32(0);
  libc.symbols.getsockopt(fd.number, KERNEL.SOL_SOCKET, KERNEL.SO_ERROR, error, int32(4));
  return readInt32(error) !== 0;
}

interface Inbox {
  /** What waits, from the kernel only; each is valid until the next one. */
  receive(limit: number): Generator<Uint8Array>;
  /** Whether something was lost since the last question. */
  takeLoss(): boolean;
}

function openInbox(libc: LinkLibc, fd: Fd): Inbox {
  let bytes = new Uint8Array(DATAGRAM_BYTES);
  const from = new Uint8Array(SOCKADDR_NL.size);
  const flags = KERNEL.MSG_DONTWAIT | KERNEL.MSG_TRUNC;
  const again = pollSet([fd.number]);
  let loss = false;
  return {
    *receive(limit) {
      for (let count = 0; count < limit; count++) {
        const size = BigInt(bytes.length);
        const fromLength = int32(from.length);
        const length = libc.symbols.recvfrom(fd.number, bytes, size, flags, from, fromLength);
        if (length < 0) {
          // Refused and yet there is something: it was no "not ready" but a loss that was told.
          if (poll(libc, again, 0) > 0) loss = true;
          return;
        }
        if (readInt32(from, SOCKADDR_NL.pid) !== 0) continue; // any process may send here
        if (length > bytes.length) {
          bytes = new Uint8Array(length);
          loss = true;
        } else yield bytes.subarray(0, length);
      }
    },
    takeLoss() {
      const lost = loss;
      loss = false;
      return lost;
    },
  };
}
