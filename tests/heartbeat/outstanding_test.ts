import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { step } from "../../lib/heartbeat/monitor.ts";
import { createMonitor, type MonitorAction } from "../../lib/heartbeat/monitor_state.ts";
import { notify, repeatNotices, SETTLE_MS } from "../../lib/heartbeat/outstanding.ts";

function monitor() {
  const state = createMonitor();
  const at = instant(0);
  const peers = ["a", "b"].map((name) => ({ name, boot: 1, inRing: true }));
  step(state, { kind: "peers", peers }, at, () => 0);
  const body = {
    kind: "beat",
    intervalMs: 50,
    multiplier: 3,
    canAnnounce: true,
    ringed: false,
  } as const;
  step(state, { kind: "packet", packet: { sender: "a", boot: 1, sequence: 1, body } }, at, () => 0);
  return state;
}

function repeatedAt(state: ReturnType<typeof monitor>, ms: number): MonitorAction[] {
  const actions: MonitorAction[] = [];
  repeatNotices(state, instant(ms), actions);
  return actions;
}

Deno.test("notify() waits for peers that are up alone, and tells the others once", () => {
  const state = monitor();
  const actions: MonitorAction[] = [];
  notify(state, 1, { what: "leaving" }, instant(0), actions);
  assert.deepEqual(actions.map((one) => one.kind === "send" && one.to), ["b"]);
  assert.deepEqual(repeatedAt(state, 0).map((one) => one.kind === "send" && one.to), ["a"]);
  assert.deepEqual(repeatedAt(state, 1), [], "not yet again");
  assert.equal(repeatedAt(state, 10).length, 1);
});

Deno.test("repeatNotices() settles what nobody acknowledges in time, and what a peer that went did not", () => {
  const late = monitor();
  notify(late, 1, { what: "leaving" }, instant(0), []);
  assert.deepEqual(repeatedAt(late, SETTLE_MS), [{ kind: "settled", id: 1, missing: ["a"] }]);
  assert.deepEqual(repeatedAt(late, SETTLE_MS), []);
  const gone = monitor();
  notify(gone, 1, { what: "leaving" }, instant(0), []);
  gone.peers.delete("a");
  assert.deepEqual(repeatedAt(gone, 1), [{ kind: "settled", id: 1, missing: [] }]);
});
