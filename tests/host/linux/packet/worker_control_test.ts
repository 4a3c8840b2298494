import assert from "node:assert/strict";
import { startPacketWorker } from "../../../../lib/host/linux/packet/worker_control.ts";
import type { PacketWorkerStart } from "../../../../lib/host/linux/packet/worker.ts";
import { waitFor } from "../../../support/wait.ts";

const START: PacketWorkerStart = {
  packetFds: { arp: -1, ndp: -1 },
  wakeFd: -1,
  table: new SharedArrayBuffer(8),
  progress: new SharedArrayBuffer(8),
};

function script(code: string): URL {
  return new URL(`data:application/javascript,${encodeURIComponent(code)}`);
}

const GOOD = `let start; onmessage = ({ data }) => {
  start = new Int32Array(data.progress);
  postMessage({ kind: "ready" });
  Atomics.wait(start, 0, 0);
  postMessage({ kind: "goodbye" });
};`;

function quiet(faults: string[] = []) {
  return {
    wake: () => {},
    onConflict: () => {},
    onFault: (error: Error) => void faults.push(error.message),
  };
}

Deno.test("startPacketWorker() runs, is woken to end, and reports no fault", async () => {
  const faults: string[] = [];
  const progress = new SharedArrayBuffer(8);
  const wake = () => {
    const words = new Int32Array(progress);
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
  };
  const hooks = { ...quiet(faults), wake };
  const worker = await startPacketWorker(script(GOOD), { ...START, progress }, hooks);
  assert.ok(worker.running());
  await worker[Symbol.asyncDispose]();
  assert.ok(!worker.running());
  await worker[Symbol.asyncDispose]();
  assert.deepEqual(faults, []);
});

Deno.test("startPacketWorker() rejects when the file is not there", async () => {
  await assert.rejects(
    startPacketWorker(new URL("file:///nowhere/packet_worker.js"), START, quiet()),
    /^Error: Packet Worker \/nowhere\/packet_worker\.js ended: ./,
  );
});

Deno.test("startPacketWorker() rejects when the Worker says goodbye at once", async () => {
  const code = `onmessage = () => postMessage({ kind: "goodbye", fault: "no libc here" });`;
  await assert.rejects(startPacketWorker(script(code), START, quiet()), /ended: no libc here/);
});

for (
  const [name, ending, fault] of [
    ["throws", `throw new Error("boom")`, /ended: .*boom/],
    ["gives up", `postMessage({ kind: "goodbye", fault: "poll failed" })`, /ended: poll failed/],
  ] as const
) {
  Deno.test(`startPacketWorker() tells of a Worker that ${name} later`, async () => {
    const faults: string[] = [];
    const code = `onmessage = () => { postMessage({ kind: "ready" });
      setTimeout(() => { ${ending} }, 0); };`;
    await using worker = await startPacketWorker(script(code), START, quiet(faults));
    await waitFor("the fault", () => faults.length > 0);
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? "", fault);
    assert.ok(!worker.running());
  });
}

Deno.test("startPacketWorker() ends a Worker that hangs without its goodbye", async () => {
  const code = `onmessage = () => { postMessage({ kind: "ready" }); while (true); };`;
  const worker = await startPacketWorker(script(code), START, quiet());
  await worker[Symbol.asyncDispose]();
  assert.ok(!worker.running());
});
