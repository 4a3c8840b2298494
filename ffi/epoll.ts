import { KERNEL } from "./constants.ts";
import { Fd } from "./fd.ts";
import type { Bytes, Libc } from "./libc.ts";
import { checked } from "./result.ts";

/** Waiting for many descriptors, epoll(7). */
export const EPOLL = {
  // int epoll_create1(int flags)
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int most, int timeout_ms), in another thread
  epollWaitElsewhere: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** struct epoll_event: packed on x86-64 only, sys/epoll.h. */
export const EPOLL_EVENT = Deno.build.arch === "x86_64"
  ? { size: 12, events: 0, data: 4 } as const
  : { size: 16, events: 0, data: 8 } as const;

type EpollLibc = Libc<typeof EPOLL>;

/** Opens a set of descriptors. @throws OsError */
export function openEpoll(libc: EpollLibc): Fd {
  const number = libc.symbols.epoll_create1(KERNEL.EPOLL_CLOEXEC);
  return new Fd(libc, checked(libc, number, "epoll_create1", "to wait for BGP peers"));
}

/**
 * Adds, changes or removes a descriptor, also while a thread waits. `events` are bits `EPOLLIN` …,
 * `token` comes back with them. @throws OsError
 */
export function epollControl(
  libc: EpollLibc,
  epoll: Fd,
  operation: "EPOLL_CTL_ADD" | "EPOLL_CTL_MOD" | "EPOLL_CTL_DEL",
  fd: Fd,
  events: number,
  token: number,
): void {
  const event = new Uint8Array(EPOLL_EVENT.size);
  const view = new DataView(event.buffer);
  view.setUint32(EPOLL_EVENT.events, events, true);
  view.setUint32(EPOLL_EVENT.data, token, true);
  const result = libc.symbols.epoll_ctl(epoll.number, KERNEL[operation], fd.number, event);
  checked(libc, result, "epoll_ctl", `${operation} of descriptor ${fd.number}`);
}

/** What came on one descriptor. */
interface Readiness {
  readonly token: number;
  readonly events: number;
}

/** Room for the answers of one wait. */
export function epollBuffer(most: number): Bytes {
  return new Uint8Array(most * EPOLL_EVENT.size);
}

/** Reads the first `count` answers. */
export function readEvents(buffer: Bytes, count: number): Readiness[] {
  const view = new DataView(buffer.buffer);
  return Array.from({ length: count }, (_, index) => ({
    events: view.getUint32(index * EPOLL_EVENT.size + EPOLL_EVENT.events, true),
    token: view.getUint32(index * EPOLL_EVENT.size + EPOLL_EVENT.data, true),
  }));
}
