// deno-lint-ignore-file no-console -- a program that others read
// Tells 100,000 routes to peers on loopback: how long, and how much memory each route takes.
// Runs in a process of its own with --v8-flags=--expose-gc; prints one JSON line.
import { fileURLToPath } from "node:url";
import { EPOLL } from "../ffi/epoll.ts";
import { openLibc, POLL, SOCKET } from "../ffi/libc.ts";
import { STREAM } from "../ffi/tcp.ts";
import { type BgpPeer, startPeer } from "../lib/host/linux/bgp/peer.ts";
import { createPeerRecord } from "../lib/host/linux/bgp/record.ts";
import { startEventLoop } from "../lib/host/linux/bgp/event_loop.ts";
import { systemClock } from "../lib/host/process/clock.ts";
import { createMetrics } from "../lib/host/metrics/metrics.ts";
import { ribOf } from "./bgp_codec.ts";
import { ip4 } from "../tests/support/addresses.ts";
import { SILENT_LOG } from "../tests/support/log.ts";

const ROUTES = 100_000;
const PEERS = 10;
const libc = openLibc({ ...SOCKET, ...POLL, ...STREAM, ...EPOLL });
const loop = startEventLoop(libc, new AbortController().signal);
const rib = ribOf(ROUTES);
const metrics = createMetrics();

function memory(): number {
  const { gc } = globalThis as { gc?: () => void };
  for (let turn = 0; turn < 3; turn++) gc?.();
  return Deno.memoryUsage().heapUsed + Deno.memoryUsage().external;
}

/** Another process listens, so that only our side is measured. */
async function tellOne(port: number): Promise<{ peer: BgpPeer; ms: number }> {
  const sink = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      fileURLToPath(new URL("./bgp_sink.ts", import.meta.url)),
      "127.0.0.1",
      `${port}`,
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = sink.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await lines.read();
  const record = createPeerRecord(`127.0.0.1:${port}`, {
    log: SILENT_LOG,
    metrics: metrics.bgp,
    clock: systemClock,
  });
  const begin = performance.timeOrigin + performance.now();
  const peer = startPeer({
    peer: {
      myAsn: 64500,
      peerAsn: 64501,
      peerAddress: ip4(0x7f000001),
      peerPort: port,
      holdTimeMs: 90_000,
      keepaliveTimeMs: 30_000,
      ebgpMultihop: true,
      ttlSecurity: false,
      gracefulRestart: false,
      nodeSelectors: [],
    },
    name: `127.0.0.1:${port}`,
    nodeName: "bench",
    libc,
    loop,
    clock: systemClock,
    rib,
    record,
    onTold: () => undefined,
  });
  let heard = 0;
  let last = begin;
  let text = "";
  while (heard < ROUTES) {
    const { value, done } = await lines.read();
    if (done) throw new Error("The listener ended");
    text += value;
    const whole = text.split("\n");
    text = whole.pop() ?? "";
    for (const line of whole) {
      const told = JSON.parse(line);
      heard += told.announced;
      last = told.atMs;
    }
  }
  lines.releaseLock();
  sinks.push(sink);
  return { peer, ms: last - begin };
}

const sinks: Deno.ChildProcess[] = [];
const first = await tellOne(41_700);
const before = memory();
const others: number[] = [];
for (let index = 1; index < PEERS; index++) others.push((await tellOne(41_700 + index)).ms);
const bytes = (memory() - before) / (PEERS - 1) / ROUTES;
for (const sink of sinks) sink.kill("SIGKILL");
console.log(JSON.stringify({ firstMs: first.ms, bytes }));
Deno.exit(0);
