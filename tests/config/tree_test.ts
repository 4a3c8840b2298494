import assert from "node:assert/strict";
import { comparePlaces } from "../../lib/config/tree.ts";

Deno.test("comparePlaces() follows a text from top to bottom", () => {
  const at = (line: number, column: number) =>
    ({ kind: "text", source: "c", line, column }) as const;
  const places = [at(1, 9), at(2, 3), at(2, 10), at(11, 1)];
  assert.deepEqual(places.toReversed().sort(comparePlaces), places);
  assert.equal(comparePlaces(at(2, 3), at(2, 3)), 0);
});

Deno.test("comparePlaces() sorts fields by object and path, the tenth item of a list after the second", () => {
  const at = (object: string, path: string) => ({ kind: "field", object, path }) as const;
  const places = [
    at("pool a", "spec.addresses[2]"),
    at("pool a", "spec.addresses[10]"),
    at("pool a", "spec.autoAssign"),
    at("pool b", "spec.addresses[0]"),
  ];
  assert.deepEqual(places.toReversed().sort(comparePlaces), places);
});
