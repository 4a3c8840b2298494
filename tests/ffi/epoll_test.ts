import assert from "node:assert/strict";
import { KERNEL } from "../../ffi/constants.ts";
import {
  EPOLL,
  EPOLL_EVENT,
  epollBuffer,
  epollControl,
  openEpoll,
  readEvents,
} from "../../ffi/epoll.ts";
import { openLibc, POLL } from "../../ffi/libc.ts";
import { openWakeFd, wake } from "../../ffi/poll.ts";
import { refusedByC } from "./c_compiler.ts";

Deno.test("the layout of struct epoll_event is that of the C header", async () => {
  assert.equal(
    await refusedByC(["stddef.h", "sys/epoll.h"], [
      `sizeof(struct epoll_event) == ${EPOLL_EVENT.size}`,
      `offsetof(struct epoll_event, events) == ${EPOLL_EVENT.events}`,
      `offsetof(struct epoll_event, data) == ${EPOLL_EVENT.data}`,
    ]),
    "",
  );
});

Deno.test("a descriptor added while somebody waits ends the wait, with its token", async () => {
  using libc = openLibc({ ...EPOLL, ...POLL });
  using epoll = openEpoll(libc);
  using ready = openWakeFd(libc);
  const buffer = epollBuffer(4);
  const waiting = libc.symbols.epollWaitElsewhere(epoll.number, buffer, 4, -1);
  wake(libc, ready);
  epollControl(libc, epoll, "EPOLL_CTL_ADD", ready, KERNEL.EPOLLIN, 42);
  const count = await waiting;
  assert.deepEqual(readEvents(buffer, count), [{ token: 42, events: KERNEL.EPOLLIN }]);
  epollControl(libc, epoll, "EPOLL_CTL_DEL", ready, 0, 0);
  assert.equal(await libc.symbols.epollWaitElsewhere(epoll.number, buffer, 4, 0), 0);
});
