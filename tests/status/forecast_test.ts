import assert from "node:assert/strict";
import { fullText } from "../../lib/status/forecast.ts";

for (
  const [hours, text] of [
    [0, "full"],
    [1, "full in less than two hours"],
    [5.4, "full in about 5 hours"],
    [72, "full in about 3 days"],
    [9_000, "full in more than a year"],
  ] as const
) {
  Deno.test(`fullText() says "${text}"`, () => {
    assert.equal(fullText(hours * 3_600_000), text);
  });
}
