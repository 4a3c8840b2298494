import assert from "node:assert/strict";
import { instant } from "../../lib/base/time.ts";
import { noteUsage, timeToFull, type UsageHistory } from "../../lib/controller/forecast.ts";

const MINUTE = 60_000;

/** The use at each minute, and what is forecast then for a pool of 100. */
function after(uses: readonly number[]): number | undefined {
  const history: UsageHistory = { samples: [] };
  uses.forEach((inUse, minute) => noteUsage(history, inUse, instant(minute * MINUTE)));
  return timeToFull(history, 100n, instant((uses.length - 1) * MINUTE));
}

for (
  const [what, uses, minutes] of [
    ["nothing before it saw anything", [], undefined],
    ["nothing after five minutes", [1, 2, 3, 4, 5, 6], undefined],
    ["80 minutes where one address a minute goes", Array.from({ length: 21 }, (_, at) => at), 80],
    [
      "160 minutes where one goes in two minutes",
      Array.from({ length: 41 }, (_, at) => at / 2),
      160,
    ],
    ["never where nothing changes", Array.from({ length: 21 }, () => 7), Infinity],
    ["never where use shrinks", Array.from({ length: 21 }, (_, at) => 50 - at), Infinity],
    ["now where it is full", Array.from({ length: 3 }, () => 100), 0],
  ] as const
) {
  Deno.test(`timeToFull() tells ${what}`, () => {
    const ms = after(uses);
    if (minutes === undefined || ms === undefined) return assert.equal(ms, minutes);
    assert.equal(ms === Infinity ? ms : Math.round(ms / MINUTE), minutes);
  });
}

Deno.test("noteUsage() keeps one sample a minute, of one day", () => {
  const history: UsageHistory = { samples: [] };
  for (let ms = 0; ms < 3 * 24 * 3_600_000; ms += 30_000) noteUsage(history, 1, instant(ms));
  assert.equal(history.samples.length, 24 * 60 + 1);
});

Deno.test("timeToFull() knows pools larger than numbers are exact", () => {
  const history: UsageHistory = { samples: [] };
  for (let minute = 0; minute < 30; minute++) noteUsage(history, minute, instant(minute * MINUTE));
  const ms = timeToFull(history, 1n << 64n, instant(29 * MINUTE)) ?? assert.fail();
  assert.ok(ms > 1e20 && Number.isFinite(ms));
});
