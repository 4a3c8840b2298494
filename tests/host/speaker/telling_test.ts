import assert from "node:assert/strict";
import type { KeptPlan } from "../../../lib/host/speaker/plans.ts";
import { createTelling, SLICE } from "../../../lib/host/speaker/telling.ts";
import { formatIp, type Ip } from "../../../lib/net/ip.ts";
import { virtualClock } from "../../support/clock.ts";
import { layer2Plan } from "./parts.ts";

function scene(count: number) {
  const clock = virtualClock();
  const all = Array.from(
    { length: count },
    (_, at) => layer2Plan(`10.78.${at >> 8}.${at & 255}`, "node1"),
  );
  const plans = new Map<Ip, KeptPlan>(all.map((plan) => [plan.ip, plan]));
  const reported: string[] = [];
  const forgotten: string[] = [];
  let told = 0;
  const telling = createTelling({
    clock,
    plans: { plans },
    wire: () => ({
      layer2Problem: undefined,
      unanswered: () => undefined,
      answersElsewhere: () => undefined,
      lingers: () => undefined,
      isTold: () => false,
      routesOf: () => [],
    }),
    announcements: {
      report: ({ ip }) => void reported.push(formatIp(ip)),
      forget: ({ ip }) => void forgotten.push(formatIp(ip)),
      tell: () => void told++,
    },
  });
  const planned = (changed: readonly KeptPlan[], gone: readonly KeptPlan[] = []) =>
    telling.planned({ all: plans, changed, gone });
  /** What each turn reports until nothing is left, when told to look again as it asks. */
  function turns(): number[] {
    const counts: number[] = [];
    for (;;) {
      const before = reported.length;
      const due = telling.tell();
      counts.push(reported.length - before);
      if (due === undefined) return counts;
      assert.ok(due > clock.now(), "it would look again at once, without end");
      clock.advance(due - clock.now());
    }
  }
  return { all, clock, forgotten, planned, plans, reported, telling, told: () => told, turns };
}

Deno.test("a few addresses are told in the turn that decides them, one turn after the other", () => {
  const { all, planned, reported, telling, told } = scene(3);
  for (const plan of all) {
    planned([plan]);
    assert.equal(telling.tell(), undefined);
  }
  assert.deepEqual([reported.length, told()], [3, 3]);
});

Deno.test("of a thousand addresses that change hands no turn tells more than a slice, and the log one summary", () => {
  const { all, planned, reported, told, turns } = scene(1_000);
  planned(all);
  const counts = turns();
  assert.deepEqual([Math.max(...counts), new Set(reported).size], [SLICE, 1_000]);
  assert.deepEqual([reported.length, told()], [1_000, 1]);
});

Deno.test("twenty notices in one moment cost one look at each address", () => {
  const { reported, telling, turns } = scene(1_000);
  for (let notice = 0; notice < 20; notice++) {
    telling.wireChanged();
    telling.tell();
  }
  assert.equal(reported.length, SLICE);
  turns();
  // Those that were looked at before the last notice are looked at again.
  assert.equal(reported.length, 1_000 + SLICE);
});

Deno.test("what was planned anew is told first, however often the wire changes", () => {
  const { all, clock, planned, reported, telling, told } = scene(1_000);
  telling.wireChanged();
  telling.tell();
  const [before, last] = [reported.length, all[999]];
  assert.ok(last);
  planned([last]);
  for (let turn = 0; turn < 5; turn++) {
    telling.wireChanged();
    clock.advance(5);
    telling.tell();
  }
  assert.equal(reported[before], formatIp(last.ip));
  assert.equal(told(), 1);
});

Deno.test("an address that is gone before it was told is only forgotten", () => {
  const { all, forgotten, planned, plans, reported, turns } = scene(2);
  const [gone, stays] = all;
  assert.ok(gone && stays);
  planned(all);
  plans.delete(gone.ip);
  planned([], [gone]);
  turns();
  assert.deepEqual([forgotten, reported], [[formatIp(gone.ip)], [formatIp(stays.ip)]]);
});
