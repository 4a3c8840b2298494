import assert from "node:assert/strict";
import fc from "fast-check";
import { formatMicroTime, parseTimestamp } from "../../lib/model/timestamp.ts";

Deno.test("parseTimestamp() agrees with the platform on every date it writes", () => {
  const dates = fc.date({
    min: new Date("0001-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(dates, (date) => assert.equal(parseTimestamp(date.toISOString()), date.getTime())),
    { seed: 43, numRuns: 1000 },
  );
});

Deno.test("parseTimestamp() reads offsets and fractions", () => {
  assert.equal(parseTimestamp("1970-01-01T01:00:00+01:00"), 0);
  assert.equal(parseTimestamp("1969-12-31t23:30:00.25-00:30"), 250);
  assert.equal(parseTimestamp("2000-01-01T00:00:00.123456789Z"), 946_684_800_123);
});

for (const text of ["", "now", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01"]) {
  Deno.test(`parseTimestamp() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseTimestamp(text), undefined);
  });
}

Deno.test("formatMicroTime() writes what parseTimestamp() reads, in UTC with six decimals", () => {
  assert.equal(formatMicroTime(0), "1970-01-01T00:00:00.000000Z");
  assert.equal(formatMicroTime(1_709_210_096_007), "2024-02-29T12:34:56.007000Z");
  for (let day = -150_000; day < 150_000; day += 13) {
    const ms = day * 86_400_000 + (day * 7_919_003 % 86_400_000 + 86_400_000) % 86_400_000;
    const text = formatMicroTime(ms);
    assert.equal(text, new Date(ms).toISOString().replace("Z", "000Z"));
    assert.equal(parseTimestamp(text), ms);
  }
});
