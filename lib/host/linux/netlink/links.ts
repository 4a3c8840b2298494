import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { openWakeFd, pollElsewhere, pollSet, readiness, wake } from "../../../../ffi/poll.ts";
import { errnoName } from "../../../../ffi/result.ts";
import { isWireError } from "../../../base/errors.ts";
import type { Millis } from "../../../base/time.ts";
import type { Link } from "../../../netlink/link.ts";
import {
  createLinkTable,
  type LinkEvent,
  mustTellFirst,
  step,
  toTell,
} from "../../../netlink/link_table.ts";
import { decodeRoute } from "../../../netlink/route.ts";
import { createDumpBuffer, openRouteSocket, requestDump, takeError } from "./socket.ts";

interface LinkWatchOptions {
  readonly signal: AbortSignal;
  /** All interfaces by ifindex: once at first, then after each change of one or its addresses. */
  readonly onChange: (links: readonly Link[]) => void;
  /** Something went wrong and is being mended: events lost, a listing refused, a bad message. */
  readonly onTrouble: (message: string) => void;
}

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

  const table = createLinkTable();
  const buffer = createDumpBuffer(libc, fd, DATAGRAM_BYTES);
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
  function tell(): void {
    dirty = false;
    onChange(toTell(table));
  }

  advance({ kind: "lost" });
  const set = pollSet([fd.number, wakeFd.number]);
  while (true) {
    await pollElsewhere(libc, set);
    if (signal.aborted) return;
    const lost = takeError(libc, fd, readiness(set, 0));
    for (const datagram of buffer.receive(DATAGRAMS_PER_TURN)) {
      for (const message of decodeRoute(datagram)) {
        if (!isWireError(message)) {
          if (mustTellFirst(table, message)) tell();
          advance({ kind: "message", message });
        } else onTrouble(`Netlink message left out at octet ${message.offset}: ${message.detail}`);
      }
    }
    if (lost || buffer.takeLoss()) {
      onTrouble("Events on interfaces were lost, listing them again");
      advance({ kind: "lost" });
    }
    if (dirty) tell();
  }
}
