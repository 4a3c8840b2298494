import assert from "node:assert/strict";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../../ffi/poll.ts";
import { createPacketEngine } from "../../../../lib/host/linux/packet/loop.ts";
import { PROGRESS } from "../../../../lib/host/linux/packet/orders.ts";
import { openPacketSocket } from "../../../../lib/host/linux/packet/socket.ts";
import { TABLE_BYTES } from "../../../../lib/neighbour/table.ts";

// What it answers across a network is in socket_responder_test.ts.

const noConflict = () => assert.fail("nobody claims anything");
const MEMORY = {
  table: new SharedArrayBuffer(TABLE_BYTES),
  progress: new SharedArrayBuffer(4 * PROGRESS.size),
};

Deno.test("wait() makes turns until it is woken, and again until it is woken again", () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using arpFd = openPacketSocket(libc, "arp");
  using ndpFd = openPacketSocket(libc, "ndp");
  using wakeFd = openWakeFd(libc);
  let asked = 0;
  const now = () => {
    // The first question for the time is the order's.
    if (++asked === 2) wake(libc, wakeFd);
    return 0;
  };
  const engine = createPacketEngine(libc, now, noConflict);
  engine.carryOut({ packetFds: { arp: arpFd.number, ndp: ndpFd.number }, ...MEMORY });
  engine.wait(wakeFd.number);
  assert.equal(asked, 2);
  engine.wait(wakeFd.number);
  assert.equal(asked, 2, "it is woken still, and makes no turn");
});

Deno.test("wait() ends by a wake before there is anything to answer", () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using wakeFd = openWakeFd(libc);
  wake(libc, wakeFd);
  createPacketEngine(libc, () => assert.fail("no turn"), noConflict).wait(wakeFd.number);
});

Deno.test("wait() fails when a socket is closed", () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using wakeFd = openWakeFd(libc);
  const engine = createPacketEngine(libc, () => 0, noConflict);
  engine.carryOut({ packetFds: { arp: 1_000_000, ndp: 1_000_000 }, ...MEMORY });
  assert.throws(
    () => engine.wait(wakeFd.number),
    /^OsError: poll failed: packet socket is closed$/,
  );
});
