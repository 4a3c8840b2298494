// deno-lint-ignore-file no-console -- tells the benchmark that started it that all are there
// Many speakers in one process, each with an address of its own: their gossip among all is whole,
// their heartbeats go to the one speaker that is measured, as each of them would send them there.
// usage: fellows.ts COUNT MEASURED_ADDRESS SECRET; the addresses are 10.77.1.101 and on, the
// measured speaker is node1.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { isWireError } from "../lib/base/errors.ts";
import { gossipKeys } from "../lib/gossip/keys.ts";
import { decodeHeartbeat, encodeHeartbeat, type HeartbeatBody } from "../lib/heartbeat/packet.ts";
import { heartbeatKey } from "../lib/heartbeat/packet.ts";
import { step } from "../lib/heartbeat/monitor.ts";
import { createMonitor, DEFAULT_TIMING } from "../lib/heartbeat/monitor_state.ts";
import { isRinged } from "../lib/heartbeat/ring.ts";
import { startGossip } from "../lib/host/gossip/gossip.ts";
import { announcementOf } from "../lib/gossip/meta.ts";
import { systemClock } from "../lib/host/process/clock.ts";
import { openLog } from "../lib/host/process/log.ts";
import { createMetrics } from "../lib/host/metrics/metrics.ts";
import { parseIp } from "../lib/net/ip.ts";

const GOSSIP_PORT = 7946;
const HEARTBEAT_PORT = 7947;
const [count = "", measured = "", secret = ""] = Deno.args;
const measuredIp = parseIp(measured) ?? assert.fail(`${measured} is no address`);
const keys = gossipKeys(secret, undefined);
const beatKeys = keys.map(heartbeatKey);
const [beatKey] = beatKeys;
assert.ok(beatKey);
const signer = beatKey;
const log = await openLog("none", "json");
const metrics = createMetrics().gossip;
const ended = new AbortController();
Deno.addSignalListener("SIGTERM", () => ended.abort());

/** Among many only its neighbours in the ring beat to the measured speaker. */
const peers = Array.from({ length: Number(count) }, (_, at) => ({
  name: `fellow${at + 1}`,
  boot: at + 1,
  inRing: true,
}));
const monitor = createMonitor(DEFAULT_TIMING, "node1");
step(monitor, { kind: "peers", peers }, systemClock.now(), Math.random);
const { near } = monitor;
const ringed = isRinged(monitor);

/** Beats to the measured speaker and acknowledges its notices. */
function startBeats(sender: string, address: string, boot: number): void {
  const socket = createSocket("udp4");
  let sequence = 0;
  const { intervalMs } = DEFAULT_TIMING;
  const beat = {
    kind: "beat",
    intervalMs,
    multiplier: 3,
    canAnnounce: false,
    ringed,
    stale: false,
  } as const;
  const send = (body: HeartbeatBody) => {
    const packet = encodeHeartbeat({ sender, boot, sequence: ++sequence, body }, signer);
    socket.send(packet, HEARTBEAT_PORT, measured);
  };
  socket.on("message", (bytes: Uint8Array) => {
    const packet = decodeHeartbeat(bytes, beatKeys);
    if (isWireError(packet)) return;
    const { body } = packet;
    if (body.kind === "notice") send({ kind: "ack", id: body.id });
    if (body.kind !== "query" && body.kind !== "missed") return;
    if (body.target !== sender) return;
    if (body.kind === "query") send({ kind: "answer", id: body.id, heard: true });
    // Whoever asks is given beats, and learns by them that the others go to neighbours alone.
    send(beat);
  });
  socket.bind(HEARTBEAT_PORT, address);
  // Not all at once: nobody's timers agree.
  const timer = setTimeout(() => {
    send(beat);
    if (ringed && !near.has(sender)) return;
    const beats = setInterval(() => send(beat), intervalMs);
    ended.signal.addEventListener("abort", () => clearInterval(beats), { once: true });
  }, boot % intervalMs);
  ended.signal.addEventListener("abort", () => {
    clearTimeout(timer);
    socket.close();
  }, { once: true });
}

await using members = new AsyncDisposableStack();
for (let index = 1; index <= Number(count); index++) {
  const name = `fellow${index}`;
  const address = `10.77.1.${100 + index}`;
  const own = parseIp(address) ?? assert.fail(address);
  members.use(
    await startGossip({
      name,
      bind: { address: own, port: GOSSIP_PORT },
      keys,
      meta: announcementOf({
        inRing: true,
        port: HEARTBEAT_PORT,
        boot: index,
        sinceMs: 0,
        canAnnounce: true,
      }),
      candidates: () => ({ addresses: [measuredIp], complete: true }),
      isFit: () => true,
      onVouched: () => undefined,
      clock: systemClock,
      log,
      metrics,
      onChange: () => undefined,
    }, ended.signal),
  );
  startBeats(name, address, index);
}
console.log("all are here");
await new Promise((resolve) => ended.signal.addEventListener("abort", resolve, { once: true }));
