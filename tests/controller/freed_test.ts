import assert from "node:assert/strict";
import fc from "fast-check";
import { createFreed } from "../../lib/controller/freed.ts";
import type { Ip } from "../../lib/net/ip.ts";
import { ip } from "./fixture.ts";

const ADDRESSES = Array.from({ length: 40 }, (_, number) => ip(`10.0.0.${number}`));

Deno.test("lowest() gives the lowest free address that was added, as a sorted list would", () => {
  const step = fc.record({ address: fc.constantFrom(...ADDRESSES), isFree: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const freed = createFreed();
      const free = new Set<Ip>();
      for (const { address, isFree } of steps) {
        // In use, or free again.
        if (isFree) {
          free.add(address);
          freed.add(address);
        } else free.delete(address);
        const [expected] = [...free].sort((a, b) => a < b ? -1 : 1);
        assert.equal(freed.lowest((ip) => free.has(ip)), expected);
      }
    }),
    { seed: 45, numRuns: 1_000 },
  );
});

Deno.test("lowest() takes nothing away, and drops what is not free", () => {
  const freed = createFreed();
  const six = [ip("2001:db8::2"), ip("2001:db8::1")];
  six.forEach(freed.add);
  assert.equal(freed.lowest(() => true), six[1]);
  assert.equal(freed.lowest((ip) => ip === six[0]), six[0]);
  assert.equal(freed.lowest(() => true), six[0], "the first was dropped");
  assert.equal(freed.lowest(() => false), undefined);
});
