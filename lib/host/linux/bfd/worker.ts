/// <reference lib="deno.worker" />
import { openLibc, POLL, SOCKET } from "../../../../ffi/libc.ts";
import { STREAM } from "../../../../ffi/tcp.ts";
import { DATAGRAM } from "../../../../ffi/udp.ts";
import type { BfdEvent, BfdOrder, BfdSessionStatus } from "./orders.ts";
import { createBfdEngine } from "./loop.ts";
import { serveWorkerLink } from "../worker/server.ts";

serveWorkerLink<BfdOrder, BfdSessionStatus[], BfdEvent>((tell) => {
  const libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...DATAGRAM });
  const engine = createBfdEngine(libc, tell);
  return {
    carryOut(order) {
      if (order.kind === "targets") engine.setTargets(order.targets);
      if (order.kind === "admin-down") engine.adminDown();
      return order.kind === "status" ? engine.status() : undefined;
    },
    wait: (wakeFd) => engine.wait(wakeFd),
    stop: () => engine.adminDown(),
    [Symbol.dispose]() {
      engine[Symbol.dispose]();
      libc[Symbol.dispose]();
    },
  };
});
