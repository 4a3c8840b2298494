import assert from "node:assert/strict";
import { someOf } from "../../lib/base/some_of.ts";

Deno.test("someOf() gives all where they are few and short", () => {
  assert.equal(someOf(["a", "b"], ", ", 100), "a, b");
  assert.equal(someOf(["a"], ", ", 100), "a");
  assert.equal(someOf([], ", ", 100), "");
});

Deno.test("someOf() gives ten at most, fewer where there is no room, and says how many more there are", () => {
  const many = Array.from({ length: 12 }, (_, index) => `n${index}`);
  assert.equal(someOf(many, ", ", 100), "n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, and 2 more");
  assert.equal(someOf(many, ", ", 11), "n0, n1, n2, and 9 more");
});

Deno.test("someOf() cuts a first text that is longer than all the room", () => {
  assert.equal(someOf(["abcdef", "g"], "; ", 4), "abc…; and 1 more");
});
