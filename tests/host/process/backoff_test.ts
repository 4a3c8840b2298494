import assert from "node:assert/strict";
import fc from "fast-check";
import { instant } from "../../../lib/base/time.ts";
import {
  oncePer,
  oncePerCause,
  parseRetryAfter,
  retryDelayMs,
} from "../../../lib/host/process/backoff.ts";
import { seededRandom } from "../../support/random.ts";

Deno.test("C3: retryDelayMs() stays between 0.2 s and a bound that doubles to 30 s", () => {
  fc.assert(
    fc.property(
      fc.nat(2_000),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, chance) => {
        const delay = retryDelayMs(attempt, () => chance);
        assert.ok(delay >= 200 && delay <= Math.min(30_000, 400 * 2 ** attempt));
      },
    ),
    { seed: 4 },
  );
});

Deno.test("retryDelayMs() spreads over its whole span", () => {
  const random = seededRandom(1);
  const delays = Array.from({ length: 1_000 }, () => retryDelayMs(20, random));
  assert.ok(Math.min(...delays) < 1_000 && Math.max(...delays) > 29_000);
});

Deno.test("C3: retryDelayMs() waits at least as long as the server asks", () => {
  assert.equal(retryDelayMs(0, () => 0, 5_000), 5_000);
});

Deno.test("parseRetryAfter() reads seconds and dates, and caps both at 60 s", () => {
  const now = Date.UTC(2024, 0, 1);
  assert.equal(parseRetryAfter("7", now), 7_000);
  assert.equal(parseRetryAfter("99999", now), 60_000);
  assert.equal(parseRetryAfter("Mon, 01 Jan 2024 00:00:05 GMT", now), 5_000);
  assert.equal(parseRetryAfter("Mon, 01 Jan 2035 00:00:05 GMT", now), 60_000);
  assert.equal(parseRetryAfter("Mon, 01 Jan 2001 00:00:05 GMT", now), 0);
  assert.equal(parseRetryAfter("soon", now), undefined);
  assert.equal(parseRetryAfter(null, now), undefined);
});

Deno.test("oncePer() opens once in each interval", () => {
  let now = 0;
  const may = oncePer(30_000, () => instant(now));
  assert.deepEqual([may(), may()], [true, false]);
  now = 29_999;
  assert.equal(may(), false);
  now = 30_000;
  assert.equal(may(), true);
});

Deno.test("oncePerCause() opens once in each interval for each cause", () => {
  let now = 0;
  const may = oncePerCause(60_000, () => instant(now));
  assert.deepEqual([may("key"), may("key"), may("version")], [true, false, true]);
  now = 59_999;
  assert.deepEqual([may("key"), may("version")], [false, false]);
  now = 60_000;
  assert.deepEqual([may("key"), may("version")], [true, true]);
});

Deno.test("oncePerCause() forgets causes before they fill the memory", () => {
  const may = oncePerCause(60_000, () => instant(0));
  assert.ok(may("first"));
  for (let i = 0; i < 99; i++) assert.ok(may(`cause ${i}`));
  assert.ok(!may("first"), "a hundred causes are remembered");
  assert.ok(may("one more"));
  assert.ok(may("first"), "more than a hundred are forgotten together");
});
