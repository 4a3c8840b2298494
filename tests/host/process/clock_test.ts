import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { systemClock } from "../../../lib/host/process/clock.ts";

Deno.test("sleep() ends after its time, and at once when its signal fires or has fired", async () => {
  const stop = new AbortController();
  const named = (ms: number) => systemClock.sleep(ms, stop.signal).then(() => ms);
  const both = [named(60_000), named(1)];
  assert.equal(await Promise.race(both), 1);
  const long = systemClock.sleep(3_600_000, stop.signal);
  stop.abort();
  await Promise.all([long, ...both]);
  await systemClock.sleep(3_600_000, stop.signal);
});

Deno.test("no timer fires before its time, whatever fraction of a millisecond it is", async () => {
  const { signal } = new AbortController();
  const early: number[] = [];
  const note = (due: number) => {
    if (systemClock.now() < due) early.push(due - systemClock.now());
  };
  const waits = Array.from({ length: 400 }, (_, index) => async () => {
    const ms = 1 + (index % 37) / 37 * 4;
    const due = systemClock.now() + ms;
    if (index % 2 === 0) await systemClock.sleep(ms, signal);
    else await new Promise<void>((resolve) => void systemClock.schedule(ms, resolve));
    note(due);
  });
  for (const wait of waits) await wait();
  assert.deepEqual(early, []);
});

Deno.test("schedule() runs nothing that was called off, also when its time has come already", async () => {
  const socket = createSocket("udp4");
  const bound = once(socket, "listening");
  socket.bind(0, "127.0.0.1");
  await bound;
  const ran: string[] = [];
  const callOff = systemClock.schedule(20, () => ran.push("called off"));
  systemClock.schedule(1, () => {
    // Busy until both are due: the datagram that calls it off, and the time itself.
    socket.send(new Uint8Array(1), socket.address().port, "127.0.0.1");
    for (const end = systemClock.now() + 60; systemClock.now() < end;);
  });
  await once(socket, "message");
  callOff();
  await new Promise<void>((resolve) => void systemClock.schedule(30, resolve));
  assert.deepEqual(ran, []);
  socket.close();
});

/** Whatever finds out who is dead, late or away, and whatever waits. */
const TIMED = [
  "lib/host/process/clock.ts",
  "lib/host/process/backoff.ts",
  "lib/host/kubernetes/deadline.ts",
  "lib/host/kubernetes/recovery.ts",
  "lib/host/kubernetes/reflector.ts",
  "lib/host/controller/status_writer.ts",
  "lib/host/gossip/gossip.ts",
  "lib/host/gossip/transport.ts",
  "lib/host/linux/bfd/loop.ts",
  "lib/host/linux/bgp/peer.ts",
  "lib/host/speaker/handover.ts",
  "lib/host/linux/heartbeat/loop.ts",
  "lib/host/speaker/membership.ts",
  "lib/host/linux/packet/loop.ts",
];

Deno.test("C14: a step of the wall clock moves no timer: none of what is timed reads it", async () => {
  const root = new URL("../../../", import.meta.url);
  for (const file of TIMED) {
    const text = await Deno.readTextFile(new URL(file, root));
    // An HTTP date in Retry-After is compared with what the caller hands in, and capped.
    assert.ok(!/\bDate\.now\b|new Date\b|timeOrigin/.test(text), file);
  }
});

Deno.test("C14: now() goes on from where it was when the wall clock is set", () => {
  const { now } = Date;
  const before = systemClock.now();
  try {
    for (const years of [10, -10]) {
      Date.now = () => now() + years * 365 * 86_400_000;
      const passed = systemClock.now() - before;
      assert.ok(passed >= 0 && passed < 60_000, String(passed));
    }
  } finally {
    Date.now = now;
  }
});
