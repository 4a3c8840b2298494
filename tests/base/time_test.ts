import assert from "node:assert/strict";
import { after, earliest, instant } from "../../lib/base/time.ts";

Deno.test("after() moves an instant by milliseconds, fractions and steps back included", () => {
  assert.equal(after(instant(1_000), 500), 1_500);
  assert.equal(after(instant(0.25), 0.5), 0.75);
  assert.equal(after(instant(1_000), -500), 500);
});

Deno.test("earliest() gives the first of those that are set", () => {
  assert.equal(earliest(undefined, instant(3), instant(2)), 2);
  assert.equal(earliest(undefined), undefined);
});
