import assert from "node:assert/strict";
import { KERNEL } from "../../ffi/constants.ts";
import { openLibc, POLL } from "../../ffi/libc.ts";
import {
  drain,
  openWakeFd,
  poll,
  pollElsewhere,
  pollSet,
  readiness,
  wake,
} from "../../ffi/poll.ts";

Deno.test("poll() finds nothing on a fresh wake descriptor, and input once it was woken", () => {
  using libc = openLibc(POLL);
  using quiet = openWakeFd(libc);
  using woken = openWakeFd(libc);
  const set = pollSet([quiet.number, woken.number]);
  assert.equal(poll(libc, set, 0), 0);
  assert.equal(poll(libc, set, 1), 0);
  wake(libc, woken);
  assert.equal(poll(libc, set, -1), 1);
  assert.deepEqual([readiness(set, 0), readiness(set, 1)], [0, KERNEL.POLLIN]);
});

Deno.test("poll() marks a closed descriptor", () => {
  using libc = openLibc(POLL);
  const set = pollSet([1_000_000]);
  assert.equal(poll(libc, set, -1), 1);
  assert.equal(readiness(set, 0), KERNEL.POLLNVAL);
});

Deno.test("pollElsewhere() leaves this thread free and ends by wake()", async () => {
  using libc = openLibc(POLL);
  using fd = openWakeFd(libc);
  const set = pollSet([fd.number]);
  const waiting = pollElsewhere(libc, set);
  assert.equal(
    await Promise.race([waiting, new Promise((done) => setTimeout(done, 5, "free"))]),
    "free",
  );
  wake(libc, fd);
  assert.equal(await waiting, 1);
  assert.equal(readiness(set, 0), KERNEL.POLLIN);
});

Deno.test("wake() may be called again, and fails on a closed descriptor", () => {
  using libc = openLibc(POLL);
  const fd = openWakeFd(libc);
  wake(libc, fd);
  wake(libc, fd);
  fd[Symbol.dispose]();
  assert.throws(() => wake(libc, fd), TypeError);
});

Deno.test("a wake descriptor that was drained wakes nobody until it is woken again", () => {
  using libc = openLibc(POLL);
  using fd = openWakeFd(libc);
  const set = pollSet([fd.number]);
  wake(libc, fd);
  wake(libc, fd);
  drain(libc, fd.number);
  assert.equal(poll(libc, set, 0), 0);
  wake(libc, fd);
  assert.equal(poll(libc, set, 0), 1);
});
