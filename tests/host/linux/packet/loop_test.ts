import assert from "node:assert/strict";
import { KERNEL } from "../../../../ffi/constants.ts";
import { type Libc, openLibc, SOCKET } from "../../../../ffi/libc.ts";
import type { DATAGRAM } from "../../../../ffi/udp.ts";
import { createPacketPart } from "../../../../lib/host/linux/packet/loop.ts";
import { PROGRESS } from "../../../../lib/host/linux/packet/orders.ts";
import { prepareWait, waitOnce } from "../../../../lib/host/linux/worker/wait.ts";
import {
  openTable,
  requireReplyLease,
  setInterfaces,
  setOwned,
  TABLE_BYTES,
} from "../../../../lib/neighbour/table.ts";
import type { Mac } from "../../../../lib/net/ethernet.ts";
import { ip4 } from "../../../support/addresses.ts";
import { seededRandom } from "../../../support/random.ts";
import { request } from "../frames.ts";

// What it answers across a network is in socket_responder_test.ts.

const noConflict = () => assert.fail("nobody claims anything");
const MEMORY = {
  table: new SharedArrayBuffer(TABLE_BYTES),
  progress: new SharedArrayBuffer(4 * PROGRESS.size),
};

Deno.test("a responder that was told nothing yet asks for no turn, and has none", () => {
  using libc = openLibc(SOCKET);
  const part = createPacketPart(libc, () => assert.fail("no turn"), noConflict);
  assert.deepEqual(part.descriptors(), []);
  part.turn(() => assert.fail("no descriptor"));
});

Deno.test("a turn finds a socket that is closed, and fails", () => {
  using libc = openLibc(SOCKET);
  const part = createPacketPart(libc, () => 0, noConflict);
  part.carryOut({ packetFds: { arp: 1_000_000, ndp: 1_000_000 }, ...MEMORY });
  assert.deepEqual(part.descriptors(), [1_000_000, 1_000_000]);
  assert.throws(
    () => part.turn(() => KERNEL.POLLNVAL),
    /^OsError: poll failed: packet socket is closed$/,
  );
});

Deno.test("a flood that comes while nothing may be answered leaves the thread's other parts their turn", () => {
  let taken = 0;
  const symbols = {
    recvfrom() {
      assert.ok(++taken < 1_000_000, "the turn never ends");
      return 42;
    },
  };
  const libc = { symbols, errnoHint: () => 0 } as unknown as Libc<typeof SOCKET>;
  const part = createPacketPart(libc, () => 1_000, noConflict);
  const memory = { ...MEMORY, table: new SharedArrayBuffer(TABLE_BYTES) };
  requireReplyLease(openTable(memory.table));
  part.carryOut({ packetFds: { arp: 11, ndp: 12 }, ...memory });
  part.turn(() => 0);
  assert.ok(taken > 2 * 10_000, "a whole buffer of each socket is thrown away");
});

/** What ends a wait of the thread, and when. */
interface Wake {
  readonly atMs: number;
  readonly by: "ping" | "request";
}

/** Runs an engine whose thread wakes so late each time; tells what became of the requests. */
function runThread(wakes: readonly Wake[], lateMs: () => number): { sent: number; stale: number } {
  const memory = {
    table: new SharedArrayBuffer(TABLE_BYTES),
    progress: new SharedArrayBuffer(4 * PROGRESS.size),
  };
  const table = openTable(memory.table);
  setOwned(table, [ip4(0x0a4d01dc)]);
  setInterfaces(table, [{ ifindex: 7, mac: 0x0200_0000_7701 as Mac }]);
  const waiting = [...wakes];
  const frames: Uint8Array[] = [];
  let [now, sent] = [0, 0];
  const symbols = {
    ppoll(set: Uint8Array) {
      now = Math.max(now, Math.min(waiting[0]?.atMs ?? Infinity, now + 1_000)) + lateMs();
      // What comes while the thread is on its way counts too.
      const due = (waiting[0]?.atMs ?? Infinity) <= now ? waiting.shift() : undefined;
      const ready = due === undefined ? -1 : due.by === "ping" ? 0 : 1;
      if (ready === 1) {
        frames.push(Uint8Array.fromHex(request({ senderIp: "0a4d6301", targetIp: "0a4d01dc" })));
      }
      const view = new DataView(set.buffer, set.byteOffset);
      for (let place = 0; place < set.length / 8; place++) {
        view.setInt16(8 * place + 6, place === ready ? KERNEL.POLLIN : 0, true);
      }
      return ready < 0 ? 0 : 1;
    },
    recvfrom(fd: number, into: Uint8Array, _size: bigint, _flags: number, from: Uint8Array) {
      const frame = fd === 11 ? frames.shift() : undefined;
      if (frame === undefined) return -1;
      into.set(frame);
      new DataView(from.buffer).setInt32(4, 7, true);
      return frame.length;
    },
    sendto: () => ++sent,
  };
  const libc = { symbols, errnoHint: () => 0 } as unknown as Libc<typeof SOCKET & typeof DATAGRAM>;
  const part = createPacketPart(libc, () => now, noConflict);
  part.carryOut({ packetFds: { arp: 11, ndp: 12 }, ...memory });
  const wait = prepareWait(10, [part]);
  const onFailure = (_: unknown, error: unknown) => {
    throw error;
  };
  while (waiting.length > 0) waitOnce(libc, wait, onFailure);
  return { sent, stale: Atomics.load(new Int32Array(memory.progress), PROGRESS.stale) };
}

Deno.test("a request is answered whenever it comes between pings, and only a pause makes it stale", () => {
  const pings = [2_000, 4_000, 6_000, 8_000, 10_000].map((atMs) => ({ atMs, by: "ping" } as const));
  for (let seed = 0; seed < 3_000; seed++) {
    const random = seededRandom(seed);
    const asked = { atMs: 4_000 + random() * 5_000, by: "request" } as const;
    const wakes = [...pings, asked].sort((a, b) => a.atMs - b.atMs);
    const outcome = runThread(wakes, () => 20 * random());
    assert.deepEqual(outcome, { sent: 1, stale: 0 }, `seed ${seed}, request at ${asked.atMs} ms`);
  }
  const paused = [{ atMs: 500, by: "request" }, { atMs: 9_000, by: "ping" }] as const;
  assert.deepEqual(runThread(paused, () => 2_500), { sent: 0, stale: 1 });
});
