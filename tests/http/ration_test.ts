import assert from "node:assert/strict";
import fc from "fast-check";
import { instant } from "../../lib/base/time.ts";
import { charge, createRation, isSpent, mayWork } from "../../lib/http/ration.ts";

const LIMITS = { perSecondMs: 50, savedMs: 100, owedMs: 250 };

Deno.test("a ration serves at once who asks once in a while", () => {
  const ration = createRation(instant(0), LIMITS);
  assert.ok(mayWork(ration, instant(0)));
  charge(ration, 60);
  assert.ok(mayWork(ration, instant(0)));
  charge(ration, 60);
  assert.ok(!mayWork(ration, instant(0)));
  assert.ok(mayWork(ration, instant(500)), "20 ms were owed");
});

Deno.test("a ration owes no more than it earns in a few seconds", () => {
  const ration = createRation(instant(0), LIMITS);
  charge(ration, 60_000);
  assert.ok(isSpent(ration));
  assert.ok(!mayWork(ration, instant(4_999)));
  assert.ok(!isSpent(ration));
  assert.ok(mayWork(ration, instant(5_001)));
});

Deno.test("work of any size asked for at any time takes its share and what was saved, no more", () => {
  const asks = fc.array(fc.record({ ms: fc.nat({ max: 500 }), cost: fc.nat({ max: 200 }) }));
  fc.assert(fc.property(asks, (steps) => {
    const ration = createRation(instant(0), LIMITS);
    let now = 0;
    let worked = 0;
    let dearest = 0;
    for (const { cost, ms } of steps) {
      now += ms;
      if (!mayWork(ration, instant(now))) continue;
      charge(ration, cost);
      worked += cost;
      dearest = Math.max(dearest, cost);
    }
    const earned = now * LIMITS.perSecondMs / 1_000;
    assert.ok(worked <= LIMITS.savedMs + earned + dearest, `${worked} ms of work in ${now} ms`);
  }));
});
