import assert from "node:assert/strict";
import { createClaimTelling } from "../../../lib/host/speaker/claim_telling.ts";
import { virtualClock } from "../../support/clock.ts";

function scene() {
  const clock = virtualClock();
  let told = 0;
  const claims = createClaimTelling({ clock, handover: { tellClaims: () => void told++ } });
  return { claims, clock, told: () => told };
}

Deno.test("nothing is told unasked", () => {
  const { claims, told } = scene();
  assert.deepEqual([claims.tell(), told()], [undefined, 0]);
});

Deno.test("one fellow is told at once, and those that come with it together", () => {
  const { claims, clock, told } = scene();
  claims.ask();
  assert.deepEqual([claims.tell(), told()], [undefined, 1]);
  const began = clock.now();
  let last = began;
  for (let ms = 1; ms <= 500; ms++) {
    clock.advance(1);
    // A hundred speakers are heard for the first time within a tenth of a second.
    if (ms <= 100) claims.ask();
    const due = claims.tell();
    if (told() > 1 && due === undefined && ms <= 150) last = clock.now();
  }
  assert.ok(told() >= 3 && told() <= 4, `${told()}`);
  assert.ok(last - began <= 150);
});

Deno.test("who comes a moment after another is told soon, and it is said when", () => {
  const { claims, clock, told } = scene();
  claims.ask();
  claims.tell();
  clock.advance(20);
  claims.ask();
  const due = claims.tell();
  assert.ok(due !== undefined && due - clock.now() === 30, `${due}`);
  assert.equal(told(), 1);
  clock.advance(30);
  assert.deepEqual([claims.tell(), told()], [undefined, 2]);
});
