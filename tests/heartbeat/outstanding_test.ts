import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { step } from "../../lib/heartbeat/monitor.ts";
import {
  createMonitor,
  type MonitorAction,
  type MonitorState,
  TELL_AGAIN_MS,
} from "../../lib/heartbeat/monitor_state.ts";
import { ip4 } from "../support/addresses.ts";
import { notify, repeatNotices, SETTLE_MS, tellAgain } from "../../lib/heartbeat/outstanding.ts";

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
    stale: false,
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

/** One notice, which `a` acknowledges or not; gives after how long what counts is told again. */
function toldAgainAfter(state: MonitorState, from: number, heard: boolean): number {
  const id = from + 1;
  notify(state, id, { what: "leaving" }, instant(from), []);
  const settled = from + SETTLE_MS;
  if (heard) state.outstanding.get(id)?.open.clear();
  repeatNotices(state, instant(settled), []);
  const actions: MonitorAction[] = [];
  for (let ms = 0; ms <= 100_000; ms += TELL_AGAIN_MS) {
    tellAgain(state, instant(settled + ms), actions);
    if (actions.length === 0) continue;
    assert.deepEqual(actions, [{ kind: "unheard", by: ["a"] }]);
    return ms;
  }
  return Infinity;
}

Deno.test("what a peer that is up did not acknowledge is told again, the longer the more rarely", () => {
  const state = monitor();
  const waits = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((round) =>
    toldAgainAfter(state, round * 200_000, false)
  );
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  assert.equal(toldAgainAfter(state, 2_000_000, true), Infinity, "all was heard");
  assert.equal(toldAgainAfter(state, 2_200_000, false), TELL_AGAIN_MS, "and at once from then on");
});

Deno.test("who went, or is another run, is told when it is heard", () => {
  const state = monitor();
  notify(state, 1, { what: "leaving" }, instant(0), []);
  repeatNotices(state, instant(SETTLE_MS), []);
  const peer = state.peers.get("a") ?? assert.fail();
  peer.state = "down";
  const actions: MonitorAction[] = [];
  tellAgain(state, instant(SETTLE_MS + TELL_AGAIN_MS), actions);
  assert.deepEqual([actions, state.unheard.at], [[], Infinity]);
});

Deno.test("what a later notice says is not said otherwise by the repetition of an earlier one", () => {
  const state = monitor();
  const [one, two] = [ip4(1), ip4(2)];
  const said = (ms: number) =>
    repeatedAt(state, ms).flatMap((action) =>
      action.kind === "send" && action.body.kind === "notice" ? [action.body] : []
    ).map(({ id, notice }) => `${id} ${notice.what} ${notice.what === "leaving" || notice.ips}`);
  notify(state, 1, { what: "claim", ips: [one, two], macs: [] }, instant(0), []);
  assert.deepEqual(said(0), [`1 claim ${one},${two}`]);
  notify(state, 2, { what: "release", ips: [one] }, instant(1), []);
  assert.deepEqual(said(20), [`1 claim ${two}`, `2 release ${one}`]);
  notify(state, 3, { what: "claim", ips: [one, two], macs: [] }, instant(21), []);
  assert.deepEqual(said(40), ["1 claim ", "2 release ", `3 claim ${one},${two}`]);
  for (const { open } of state.outstanding.values()) open.clear();
  assert.deepEqual(repeatedAt(state, 41).map(({ kind }) => kind), Array(3).fill("settled"));
  assert.equal(state.latest.size, 0);
  state.peers.clear();
  notify(state, 4, { what: "claim", ips: [one], macs: [] }, instant(50), []);
  assert.equal(state.latest.size, 0, "nobody is waited for, and nothing repeated");
});
