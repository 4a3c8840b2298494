import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../lib/config/duration.ts";

Deno.test("parseDuration() reads Go's durations and nothing else", () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ["90s", 90_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["500ms", 500],
    [".5s", 500],
    ["2us", 0.002],
    ["3µs", 0.003],
    ["1h2m3s4ms", 3_723_004],
    ["0", 0],
    ["0s", 0],
    ["90", undefined],
    ["", undefined],
    ["s", undefined],
    ["-5s", undefined],
    ["1 s", undefined],
    ["1d", undefined],
    ["NaNs", undefined],
    ["1e3s", undefined],
    ["1.2.3s", undefined],
    [`${"1s".repeat(40)}`, undefined],
  ];
  for (const [text, ms] of rows) assert.equal(parseDuration(text), ms, text);
});

Deno.test("formatDuration() gives what parseDuration() reads back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 65_535_000 }),
      (ms) => parseDuration(formatDuration(ms)) === ms,
    ),
    { seed: 7 },
  );
});
