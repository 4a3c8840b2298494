import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import { EPOLL } from "../../../../ffi/epoll.ts";
import { openLibc, POLL } from "../../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../../ffi/poll.ts";
import { startEventLoop } from "../../../../lib/host/linux/bgp/event_loop.ts";
import { waitFor } from "../../../support/wait.ts";

Deno.test("the loop tells each descriptor's owner, and not one that ended; it closes what it opened", async () => {
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  using libc = openLibc({ ...EPOLL, ...POLL });
  using one = openWakeFd(libc);
  using two = openWakeFd(libc);
  const before = count();
  const stop = new AbortController();
  const loop = startEventLoop(libc, stop.signal);
  const told: string[] = [];
  // Level-triggered: each ends its registration, or it would be told for ever.
  const first = loop.register(one, false, (events) => {
    told.push(`one ${events}`);
    first[Symbol.dispose]();
  });
  const second = loop.register(two, false, () => told.push("two"));
  second[Symbol.dispose]();
  wake(libc, two);
  wake(libc, one);
  await waitFor("the first", () => told.length > 0);
  assert.deepEqual(told, [`one ${KERNEL.EPOLLIN}`]);
  stop.abort();
  await loop.done;
  assert.equal(count(), before);
});

Deno.test("room for output is told only while it is asked for", async () => {
  using libc = openLibc({ ...EPOLL, ...POLL });
  using fd = openWakeFd(libc);
  const stop = new AbortController();
  const loop = startEventLoop(libc, stop.signal);
  let told = 0;
  const registration = loop.register(fd, true, (events) => {
    assert.equal(events, KERNEL.EPOLLOUT);
    told++;
    registration.setWritable(false);
  });
  await waitFor("room", () => told === 1);
  registration.setWritable(true);
  await waitFor("room again", () => told === 2);
  registration[Symbol.dispose]();
  stop.abort();
  await loop.done;
});
