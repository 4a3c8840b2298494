import assert from "node:assert/strict";
import fc from "fast-check";
import { rankCandidates } from "../../lib/speaker/election.ts";
import { createForemost } from "../../lib/speaker/foremost.ts";

const NODES = Array.from({ length: 60 }, (_, number) => `node-${number}`);
const SALTS = ["10.77.1.220", "10.77.1.221", "2001:db8::220"];

Deno.test("of() names whom rankCandidates() puts first, whoever comes and goes", () => {
  const steps = fc.array(fc.subarray(NODES), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(steps, (steps) => {
      const foremost = createForemost();
      for (const nodes of steps) {
        for (const salt of SALTS) {
          assert.equal(foremost.of(salt, new Set(nodes)), rankCandidates(nodes, salt)[0]);
        }
      }
    }),
    { seed: 42, numRuns: 300 },
  );
});

Deno.test("of() is right after nodes have gone by the dozen and others came in their place", () => {
  const foremost = createForemost();
  for (let generation = 0; generation < 20; generation++) {
    const nodes = NODES.map((name) => `${name}-${generation}`);
    for (const salt of SALTS) {
      assert.equal(foremost.of(salt, new Set(nodes)), rankCandidates(nodes, salt)[0]);
    }
  }
});

Deno.test("of() starts over with an address that was forgotten", () => {
  const foremost = createForemost();
  const [salt = ""] = SALTS;
  const first = foremost.of(salt, new Set(NODES));
  foremost.forget(salt);
  assert.equal(foremost.of(salt, new Set(NODES)), first);
});
