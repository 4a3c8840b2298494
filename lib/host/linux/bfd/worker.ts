/// <reference lib="deno.worker" />
import { CLOCK } from "../../../../ffi/clock.ts";
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { STREAM } from "../../../../ffi/tcp.ts";
import { DATAGRAM } from "../../../../ffi/udp.ts";
import type { BfdEvent, BfdOrder, BfdSessionStatus } from "./orders.ts";
import { createBfdEngine } from "./loop.ts";
import { serveWorkerLink } from "../worker/server.ts";

serveWorkerLink<BfdOrder, BfdSessionStatus[], BfdEvent>((tell) => {
  const libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...DATAGRAM, ...CLOCK });
  const engine = createBfdEngine(libc, tell);
  return {
    ...engine,
    [Symbol.dispose]() {
      engine[Symbol.dispose]();
      libc[Symbol.dispose]();
    },
  };
});
