import assert from "node:assert/strict";
import { openLibc, POLL, SOCKET } from "../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../ffi/poll.ts";
import { openTable, TABLE_BYTES } from "../../../lib/arp/table.ts";
import { answerRequests, PROGRESS } from "../../../lib/host/linux/packet_loop.ts";
import { openArpSocket } from "../../../lib/host/linux/packet_socket.ts";

// What it answers across a network is in arp_responder_test.ts.

Deno.test("answerRequests() counts its turns and ends when it is woken", () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using packetFd = openArpSocket(libc);
  using wakeFd = openWakeFd(libc);
  const progress = new Int32Array(PROGRESS.size);
  let turns = 0;
  answerRequests({
    libc,
    packetFd: packetFd.number,
    wakeFd: wakeFd.number,
    table: openTable(new SharedArrayBuffer(TABLE_BYTES)),
    progress,
    now: () => {
      if (++turns === 2) wake(libc, wakeFd);
      return 0;
    },
  });
  // The first question for the time is before the first turn.
  assert.deepEqual([turns, progress[PROGRESS.turns]], [2, 1]);
});
