import assert from "node:assert/strict";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../../ffi/poll.ts";
import { openTable, TABLE_BYTES } from "../../../../lib/neighbour/table.ts";
import { answerRequests, PROGRESS } from "../../../../lib/host/linux/packet/loop.ts";
import { openPacketSocket } from "../../../../lib/host/linux/packet/socket.ts";

// What it answers across a network is in socket_responder_test.ts.

Deno.test("answerRequests() counts its turns and ends when it is woken", () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using packetFd = openPacketSocket(libc, "arp");
  using ndpFd = openPacketSocket(libc, "ndp");
  using wakeFd = openWakeFd(libc);
  const progress = new Int32Array(PROGRESS.size);
  let turns = 0;
  answerRequests({
    libc,
    packetFds: { arp: packetFd.number, ndp: ndpFd.number },
    wakeFd: wakeFd.number,
    table: openTable(new SharedArrayBuffer(TABLE_BYTES)),
    progress,
    now: () => {
      if (++turns === 2) wake(libc, wakeFd);
      return 0;
    },
    onConflict: () => assert.fail("nobody claims anything"),
  });
  // The first question for the time is before the first turn.
  assert.deepEqual([turns, progress[PROGRESS.turns]], [2, 1]);
});
