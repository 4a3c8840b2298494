import assert from "node:assert/strict";
import { areFor, counted } from "../../lib/base/counted.ts";

Deno.test("counted() writes the noun for one and for none or many", () => {
  assert.deepEqual([0, 1, 2].map((count) => counted(count, "Service")), [
    "0 Services",
    "1 Service",
    "2 Services",
  ]);
  assert.equal(counted(2, "IPv6 address"), "2 IPv6 addresses");
  assert.equal(counted(3n, "prefix"), "3 prefixes");
  assert.equal(counted(1n, "other object"), "1 other object");
});

Deno.test("areFor() is the verb for one and for many", () => {
  assert.deepEqual([areFor(0), areFor(1), areFor(2n), areFor(1n)], ["are", "is", "are", "is"]);
});
