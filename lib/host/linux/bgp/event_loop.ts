import { KERNEL } from "../../../../ffi/constants.ts";
import {
  type EPOLL,
  epollBuffer,
  epollControl,
  openEpoll,
  readEvents,
} from "../../../../ffi/epoll.ts";
import type { Fd } from "../../../../ffi/fd.ts";
import type { Libc, POLL } from "../../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../../ffi/poll.ts";

/** Tells of sockets that can be read or written, in this thread, without holding it up. */
export interface EventLoop {
  /** `onEvents` gets bits `EPOLLIN` …; input is always waited for. */
  register(fd: Fd, writable: boolean, onEvents: (events: number) => void): Registration;
  /** Settles when the loop has ended after the signal; rejects when the kernel refuses to wait. */
  readonly done: Promise<void>;
}

/** A descriptor that the loop waits for; disposing of it ends that and does not close it. */
export interface Registration extends Disposable {
  /** Whether to tell when there is room for output. */
  setWritable(writable: boolean): void;
}

/** Answers of one wait; more come with the next. */
const BATCH = 64;
/** The wake descriptor's token; no registration has it. */
const WAKE = 0;

/** Starts the loop: one thread of the runtime waits for all descriptors together. @throws OsError */
export function startEventLoop(
  libc: Libc<typeof EPOLL & typeof POLL>,
  signal: AbortSignal,
): EventLoop {
  const epoll = openEpoll(libc);
  const wakeFd = openWakeFd(libc);
  const handlers = new Map<number, (events: number) => void>();
  let lastToken = WAKE;
  epollControl(libc, epoll, "EPOLL_CTL_ADD", wakeFd, KERNEL.EPOLLIN, WAKE);
  const onAbort = () => wake(libc, wakeFd);
  signal.addEventListener("abort", onAbort, { once: true });

  async function run(): Promise<void> {
    const buffer = epollBuffer(BATCH);
    try {
      while (!signal.aborted) {
        const count = await libc.symbols.epollWaitElsewhere(epoll.number, buffer, BATCH, -1);
        // Refused only by a signal's arrival, for the arguments are sound.
        for (const { token, events } of readEvents(buffer, Math.max(0, count))) {
          // One that ended in this batch is not told any more.
          handlers.get(token)?.(events);
        }
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      wakeFd[Symbol.dispose]();
      epoll[Symbol.dispose]();
    }
  }

  return {
    register(fd, writable, onEvents) {
      const token = lastToken = (lastToken + 1) % 0xffff_ffff || 1;
      const interest = (out: boolean) => KERNEL.EPOLLIN | (out ? KERNEL.EPOLLOUT : 0);
      epollControl(libc, epoll, "EPOLL_CTL_ADD", fd, interest(writable), token);
      handlers.set(token, onEvents);
      return {
        setWritable: (out) => epollControl(libc, epoll, "EPOLL_CTL_MOD", fd, interest(out), token),
        [Symbol.dispose]: () => {
          handlers.delete(token);
          epollControl(libc, epoll, "EPOLL_CTL_DEL", fd, 0, token);
        },
      };
    },
    done: run(),
  };
}
