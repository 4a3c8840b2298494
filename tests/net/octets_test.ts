import assert from "node:assert/strict";
import { allOctets, copyOctets, equalOctets } from "../../lib/net/octets.ts";

Deno.test("octets are compared, copied and judged at their places", () => {
  const from = Uint8Array.of(1, 2, 3, 4);
  const to = new Uint8Array(4);
  copyOctets(from, 1, to, 2, 2);
  assert.deepEqual([...to], [0, 0, 2, 3]);
  assert.ok(equalOctets(from, 1, to, 2, 2));
  assert.ok(!equalOctets(from, 0, to, 2, 2));
  assert.ok(allOctets(to, 0, 2, 0));
  assert.ok(!allOctets(to, 0, 3, 0));
  copyOctets(from, 3, to, 0, 2);
  assert.deepEqual([...to], [4, 0, 2, 3], "past the end there are zeros");
});
