import assert from "node:assert/strict";
import { openLibc, SOCKET } from "../../../ffi/libc.ts";
import {
  type Conflict,
  type PacketOrder,
  PROGRESS,
} from "../../../lib/host/linux/packet/orders.ts";
import { openPacketSocket } from "../../../lib/host/linux/packet/socket.ts";
import { timekeeper } from "../../support/timekeeper.ts";
import { TABLE_BYTES } from "../../../lib/neighbour/table.ts";
import { waitFor } from "../../support/wait.ts";

/** Starts the real Worker, and lets it answer by these descriptors. */
async function startResponder(arp: number, ndp: number) {
  const link = await timekeeper().link<PacketOrder, never, Conflict>({
    name: "herald-arp",
    onNews: () => assert.fail("nobody claims anything"),
  });
  await link.ask({
    packetFds: { arp, ndp },
    table: new SharedArrayBuffer(TABLE_BYTES),
    progress: new SharedArrayBuffer(4 * PROGRESS.size),
  });
  return link;
}

Deno.test("the responder works until it is asked to end", async () => {
  using libc = openLibc(SOCKET);
  using arpFd = openPacketSocket(libc, "arp");
  using ndpFd = openPacketSocket(libc, "ndp");
  await using link = await startResponder(arpFd.number, ndpFd.number);
  assert.equal(link.problem(), undefined);
});

Deno.test("the responder says why it ends when its socket is closed", async () => {
  await using link = await startResponder(1_000_000, 1_000_000);
  assert.equal(
    await waitFor("the end", () => link.problem()),
    "herald-arp ended: poll failed: packet socket is closed",
  );
});
