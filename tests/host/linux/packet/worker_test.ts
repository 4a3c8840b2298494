import assert from "node:assert/strict";
import { openLibc, SOCKET } from "../../../../ffi/libc.ts";
import {
  type Conflict,
  type PacketOrder,
  PROGRESS,
} from "../../../../lib/host/linux/packet/orders.ts";
import { openPacketSocket } from "../../../../lib/host/linux/packet/socket.ts";
import { startWorkerLink } from "../../../../lib/host/linux/worker/link.ts";
import { TABLE_BYTES } from "../../../../lib/neighbour/table.ts";
import { waitFor } from "../../../support/wait.ts";

const WORKER = new URL("../../../../lib/host/linux/packet/worker.ts", import.meta.url);

/** Starts the real Worker, and lets it answer by these descriptors. */
async function startWorker(arp: number, ndp: number) {
  const link = await startWorkerLink<PacketOrder, never, Conflict>({
    url: WORKER,
    name: "herald-test",
    onNews: () => assert.fail("nobody claims anything"),
  });
  await link.ask({
    packetFds: { arp, ndp },
    table: new SharedArrayBuffer(TABLE_BYTES),
    progress: new SharedArrayBuffer(4 * PROGRESS.size),
  });
  return link;
}

Deno.test("the packet Worker works until it is asked to end", async () => {
  using libc = openLibc(SOCKET);
  using arpFd = openPacketSocket(libc, "arp");
  using ndpFd = openPacketSocket(libc, "ndp");
  await using link = await startWorker(arpFd.number, ndpFd.number);
  assert.equal(link.problem(), undefined);
});

Deno.test("the packet Worker says why it ends when its socket is closed", async () => {
  await using link = await startWorker(1_000_000, 1_000_000);
  assert.equal(
    await waitFor("the end", () => link.problem()),
    "herald-test ended: poll failed: packet socket is closed",
  );
});
