/// <reference lib="deno.worker" />
import { bootClock, CLOCK } from "../../../ffi/clock.ts";
import { openLibc, SOCKET } from "../../../ffi/libc.ts";
import { STREAM } from "../../../ffi/tcp.ts";
import { DATAGRAM } from "../../../ffi/udp.ts";
import { createBfdPart } from "./bfd/loop.ts";
import { createHeartbeatPart } from "./heartbeat/loop.ts";
import { createPacketPart } from "./packet/loop.ts";
import { serveThread } from "./worker/server.ts";
import { createWatchdogPart } from "./worker/watchdog.ts";

// The one Worker for all that must go on while the main thread is busy. The responder is the first
// to begin, and so has its turn first: what waited while the process stood still finds no reply
// lease, and is thrown away before the heartbeat renews it.
const libc = openLibc({ ...SOCKET, ...STREAM, ...DATAGRAM, ...CLOCK });
const now = bootClock(libc);
serveThread({
  "herald-arp": (tell) => createPacketPart(libc, now, tell),
  "herald-heartbeat": (tell) => createHeartbeatPart(libc, tell),
  "herald-bfd": (tell) => createBfdPart(libc, tell),
  "herald-watchdog": () => createWatchdogPart(() => performance.now()),
});
