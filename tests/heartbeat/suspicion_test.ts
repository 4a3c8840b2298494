import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { step } from "../../lib/heartbeat/monitor.ts";
import { createMonitor, DEFAULT_TIMING } from "../../lib/heartbeat/monitor_state.ts";
import { suspectAt } from "../../lib/heartbeat/silence.ts";
import { hears } from "../../lib/heartbeat/suspicion.ts";

Deno.test("hears() answers for whom this node watches, and for itself; of others it knows nothing", () => {
  const state = createMonitor(DEFAULT_TIMING, "self");
  const peers = Array.from({ length: 60 }, (_, i) => ({ name: `n${i}`, boot: 1, inRing: true }));
  step(state, { kind: "peers", peers }, instant(0), () => 0);
  const body = {
    kind: "beat",
    intervalMs: 50,
    multiplier: 3,
    canAnnounce: true,
    ringed: true,
    stale: false,
  } as const;
  for (const { name: sender } of peers) {
    step(
      state,
      { kind: "packet", packet: { sender, boot: 1, sequence: 1, body } },
      instant(1),
      () => 0,
    );
  }
  const [near = ""] = state.near;
  const far = peers.find(({ name }) => !state.near.has(name))?.name ?? "";
  const all = [near, far, "self", "nobody"];
  assert.deepEqual(all.map((name) => hears(state, name, instant(20))), [true, true, true, false]);
  assert.deepEqual(all.map((name) => hears(state, name, instant(90))), [
    false,
    undefined,
    true,
    false,
  ]);
  const peer = state.peers.get(near) ?? assert.fail();
  assert.equal(suspectAt(peer), 151);
  peer.refused = true;
  assert.equal(suspectAt(peer), 1 + 1.4 * 50);
});
