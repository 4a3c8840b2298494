import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import type { Libc } from "../../../../ffi/libc.ts";
import { type DATAGRAM, TIMESPEC } from "../../../../ffi/udp.ts";
import { prepareWait, type ThreadPart, waitOnce } from "../../../../lib/host/linux/worker/wait.ts";

const WAKE_FD = 9;

/** A kernel whose waits end as told: with bits for descriptors, or -1 when they are refused. */
function kernel(...ends: readonly (Readonly<Record<number, number>> | -1)[]) {
  const waitedMs: number[] = [];
  let call = 0;
  const symbols = {
    ppoll(set: Uint8Array, count: bigint, timeout: Uint8Array) {
      const time = new DataView(timeout.buffer);
      waitedMs.push(
        Number(time.getBigInt64(TIMESPEC.seconds, true)) * 1000 +
          Number(time.getBigInt64(TIMESPEC.nanoseconds, true)) / 1e6,
      );
      const end = ends[Math.min(call++, ends.length - 1)] ?? -1;
      if (end === -1) return -1;
      const view = new DataView(set.buffer);
      let ready = 0;
      for (let place = 0; place < Number(count); place++) {
        const events = end[view.getInt32(8 * place, true)] ?? 0;
        view.setInt16(8 * place + 6, events, true);
        if (events !== 0) ready++;
      }
      return ready;
    },
  };
  return { libc: { symbols } as unknown as Libc<typeof DATAGRAM>, waitedMs };
}

function part(fds: readonly number[], waitMs: number, seen: number[][]): ThreadPart<never, never> {
  return {
    carryOut: () => undefined,
    descriptors: () => fds,
    waitMs: () => waitMs,
    turn: (events) => void seen.push(fds.map((_, place) => events(place))),
    [Symbol.dispose]: () => undefined,
  };
}

const noFailure = (_: unknown, error: unknown) => {
  throw error;
};

Deno.test("waitOnce() waits as long as the most hurried part, and each sees its own descriptors", () => {
  const { libc, waitedMs } = kernel({ 5: KERNEL.POLLIN, 7: KERNEL.POLLERR }, {});
  const [one, other]: number[][][] = [[], []];
  const wait = prepareWait(WAKE_FD, [part([5, 6], 300, one ?? []), part([7], 40.5, other ?? [])]);
  assert.equal(waitOnce(libc, wait, noFailure), false);
  assert.equal(waitOnce(libc, wait, noFailure), false);
  assert.deepEqual(one, [[KERNEL.POLLIN, 0], [0, 0]]);
  assert.deepEqual(other, [[KERNEL.POLLERR], [0]], "what ran out left nothing");
  assert.deepEqual(waitedMs, [40.5, 40.5]);
});

Deno.test("waitOnce() tells that the thread was woken, after each part had its turn", () => {
  const { libc, waitedMs } = kernel({ [WAKE_FD]: KERNEL.POLLIN });
  const seen: number[][] = [];
  assert.equal(waitOnce(libc, prepareWait(WAKE_FD, [part([], -3, seen)]), noFailure), true);
  assert.deepEqual([seen, waitedMs], [[[]], [0]]);
});

Deno.test("waitOnce() hands a part that fails on, and gives the next its turn", () => {
  const { libc } = kernel({});
  const seen: number[][] = [];
  const failing = {
    ...part([], 1, []),
    turn: () => {
      throw new Error("broken");
    },
  };
  const failures: unknown[] = [];
  const wait = prepareWait(WAKE_FD, [failing, part([4], 1, seen)]);
  waitOnce(libc, wait, (of, error) => failures.push(of === failing, String(error)));
  assert.deepEqual([failures, seen], [[true, "Error: broken"], [[0]]]);
});

Deno.test("waitOnce() keeps the time through interruptions, and gives up when every wait is refused", () => {
  const seen: number[][] = [];
  const interrupted = kernel(-1, -1, {});
  const wait = prepareWait(WAKE_FD, [part([4], 5, seen)]);
  assert.equal(waitOnce(interrupted.libc, wait, noFailure), false);
  assert.deepEqual(seen, [[0], [0], [0]], "each had its turn, and nothing to read");
  assert.throws(
    () => waitOnce(kernel(-1).libc, wait, noFailure),
    /^OsError: ppoll failed: refused/,
  );
});
