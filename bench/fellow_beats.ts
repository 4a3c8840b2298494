/// <reference lib="deno.worker" />
// A thread of its own, so that no fellow misses a beat because their gossip is busy.
// Each fellow's heartbeats go to the one speaker that is measured, as each would send them there.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { isWireError } from "../lib/base/errors.ts";
import { gossipKeys } from "../lib/gossip/keys.ts";
import {
  decodeHeartbeat,
  encodeHeartbeat,
  type HeartbeatBody,
  heartbeatKey,
} from "../lib/heartbeat/packet.ts";
import { step } from "../lib/heartbeat/monitor.ts";
import { createMonitor, DEFAULT_TIMING } from "../lib/heartbeat/monitor_state.ts";
import { isRinged } from "../lib/heartbeat/ring.ts";
import { systemClock } from "../lib/host/process/clock.ts";

/** How many fellows there are, whom they beat to, and by what key. */
export interface FellowBeats {
  readonly count: number;
  readonly measured: string;
  readonly secret: string;
  readonly port: number;
}

self.onmessage = ({ data }: MessageEvent<FellowBeats>) => startAll(data);

function startAll({ count, measured, secret, port }: FellowBeats): void {
  const beatKeys = gossipKeys(secret, undefined).map(heartbeatKey);
  const signer = beatKeys[0] ?? assert.fail("There is no key");
  // Among many only its neighbours in the ring beat to the measured speaker.
  const peers = Array.from({ length: count }, (_, at) => ({
    name: `fellow${at + 1}`,
    boot: at + 1,
    inRing: true,
  }));
  const monitor = createMonitor(DEFAULT_TIMING, "node1");
  step(monitor, { kind: "peers", peers }, systemClock.now(), Math.random);
  const { near } = monitor;
  const ringed = isRinged(monitor);
  const { intervalMs } = DEFAULT_TIMING;
  const beat = {
    kind: "beat",
    intervalMs,
    multiplier: 3,
    canAnnounce: false,
    ringed,
    stale: false,
  } as const;

  /** Beats to the measured speaker and acknowledges its notices. */
  function start(sender: string, address: string, boot: number): void {
    const socket = createSocket("udp4");
    let sequence = 0;
    const send = (body: HeartbeatBody) => {
      const packet = encodeHeartbeat({ sender, boot, sequence: ++sequence, body }, signer);
      socket.send(packet, port, measured);
    };
    socket.on("message", (bytes: Uint8Array) => {
      const packet = decodeHeartbeat(bytes, beatKeys);
      if (isWireError(packet)) return;
      const { body } = packet;
      if (body.kind === "notice") send({ kind: "ack", id: body.id });
      if (body.kind !== "query" && body.kind !== "missed") return;
      // Whoever asks is given beats, and learns by them that the others go to neighbours alone.
      if (body.target === sender) {
        if (body.kind === "query") send({ kind: "answer", id: body.id, heard: true });
        send(beat);
      } else if (body.kind === "query") send({ kind: "answer", id: body.id, heard: true });
    });
    socket.bind(port, address);
    // Not all at once: nobody's timers agree.
    setTimeout(() => {
      send(beat);
      if (!ringed || near.has(sender)) setInterval(() => send(beat), intervalMs);
    }, boot % intervalMs);
  }

  for (const [at, { name, boot }] of peers.entries()) start(name, `10.77.1.${101 + at}`, boot);
}
