/// <reference lib="deno.worker" />
import { CLOCK } from "../../../../ffi/clock.ts";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { DATAGRAM } from "../../../../ffi/udp.ts";
import type { HeartbeatNews, HeartbeatOrder } from "./orders.ts";
import { createHeartbeatEngine } from "./loop.ts";
import { serveWorkerLink } from "../worker/server.ts";

serveWorkerLink<HeartbeatOrder, number, HeartbeatNews>((tell) => {
  const libc = openLibc({ ...SOCKET, ...POLL, ...DATAGRAM, ...CLOCK });
  const engine = createHeartbeatEngine(libc, tell);
  return {
    ...engine,
    [Symbol.dispose]() {
      engine[Symbol.dispose]();
      libc[Symbol.dispose]();
    },
  };
});
