import assert from "node:assert/strict";
import fc from "fast-check";
import { diffMaps } from "../../lib/base/diff.ts";

const same = (a: number, b: number) => a === b;

Deno.test("diffMaps() tells added, changed and removed rows apart, in their orders", () => {
  const before = new Map([["gone", 1], ["kept", 2], ["raised", 3], ["lost", 4]]);
  const after = new Map([["new", 5], ["raised", 30], ["kept", 2], ["newer", 6]]);
  assert.deepEqual(diffMaps(before, after, same), {
    added: [["new", 5], ["newer", 6]],
    changed: [["raised", 3, 30]],
    removed: [["gone", 1], ["lost", 4]],
  });
});

Deno.test("diffMaps() takes the caller's word for what is equal", () => {
  const before = new Map([["a", 1], ["b", 2]]);
  const after = new Map([["a", 11], ["b", 3]]);
  const { changed } = diffMaps(before, after, (a, b) => a % 10 === b % 10);
  assert.deepEqual(changed, [["b", 2, 3]]);
});

Deno.test("diffMaps() says what turns one table into the other", () => {
  const table = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 3 })))
    .map((rows) => new Map(rows));
  fc.assert(
    fc.property(table, table, (before, after) => {
      const { added, changed, removed } = diffMaps(before, after, same);
      const turned = new Map(before);
      for (const [key, value] of removed) assert.equal(turned.get(key), value);
      for (const [key] of removed) turned.delete(key);
      for (const [key, old] of changed) assert.equal(turned.get(key), old);
      for (const [key, , value] of changed) turned.set(key, value);
      for (const [key] of added) assert.ok(!turned.has(key));
      for (const [key, value] of added) turned.set(key, value);
      assert.deepEqual(new Map([...turned].sort()), new Map([...after].sort()));
      for (const [key, old, value] of changed) assert.notEqual(old, value, String(key));
    }),
    { seed: 1 },
  );
});
