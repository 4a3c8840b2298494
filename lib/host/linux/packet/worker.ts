/// <reference lib="deno.worker" />
import { bootClock, CLOCK } from "../../../../ffi/clock.ts";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { serveWorkerLink } from "../worker/server.ts";
import { createPacketEngine } from "./loop.ts";
import type { Conflict, PacketOrder } from "./orders.ts";

serveWorkerLink<PacketOrder, never, Conflict>((tell) => {
  const libc = openLibc({ ...SOCKET, ...POLL, ...CLOCK });
  const engine = createPacketEngine(libc, bootClock(libc), tell);
  return {
    carryOut: engine.carryOut,
    wait: engine.wait,
    [Symbol.dispose]: () => libc[Symbol.dispose](),
  };
});
