import assert from "node:assert/strict";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { openWakeFd, wake } from "../../../../ffi/poll.ts";
import { TABLE_BYTES } from "../../../../lib/neighbour/table.ts";
import { PROGRESS } from "../../../../lib/host/linux/packet/loop.ts";
import { openPacketSocket } from "../../../../lib/host/linux/packet/socket.ts";
import type { PacketWorkerMessage } from "../../../../lib/host/linux/packet/worker.ts";

const WORKER = new URL("../../../../lib/host/linux/packet/worker.ts", import.meta.url);

/** Starts the real Worker on these descriptors and gives what it says, one after the other. */
function talkTo(packetFd: number, wakeFd: number) {
  const worker = new Worker(WORKER, { type: "module" });
  const said: PacketWorkerMessage[] = [];
  let hear = () => {};
  worker.onmessage = ({ data }: MessageEvent<PacketWorkerMessage>) => {
    said.push(data);
    hear();
  };
  worker.postMessage({
    packetFds: { arp: packetFd, ndp: packetFd },
    wakeFd,
    table: new SharedArrayBuffer(TABLE_BYTES),
    progress: new SharedArrayBuffer(4 * PROGRESS.size),
  });
  return {
    next: async () => {
      while (said.length === 0) await new Promise<void>((resolve) => hear = resolve);
      return said.shift();
    },
    [Symbol.dispose]: () => worker.terminate(),
  };
}

Deno.test("packet_worker says that it is ready, and goodbye when it is woken", async () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using packetFd = openPacketSocket(libc, "arp");
  using wakeFd = openWakeFd(libc);
  using worker = talkTo(packetFd.number, wakeFd.number);
  assert.deepEqual(await worker.next(), { kind: "ready" });
  wake(libc, wakeFd);
  assert.deepEqual(await worker.next(), { kind: "goodbye" });
});

Deno.test("packet_worker says why it ends when its socket is closed", async () => {
  using libc = openLibc({ ...SOCKET, ...POLL });
  using wakeFd = openWakeFd(libc);
  using worker = talkTo(1_000_000, wakeFd.number);
  assert.deepEqual(await worker.next(), { kind: "ready" });
  assert.deepEqual(await worker.next(), {
    kind: "goodbye",
    fault: "poll failed: packet socket is closed",
  });
});
