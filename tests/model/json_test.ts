import assert from "node:assert/strict";
import { isObject, listOr, objectOr, quoted, textOf } from "../../lib/model/json.ts";

Deno.test("isObject() takes neither null nor lists for objects", () => {
  assert.deepEqual([{}, null, [], "x", 1].map(isObject), [true, false, false, false, false]);
});

Deno.test("objectOr(), listOr() and textOf() give something harmless for what is not theirs", () => {
  assert.deepEqual([objectOr(7), objectOr([1])], [{}, {}]);
  assert.deepEqual([listOr({}), listOr([1])], [[], [1]]);
  assert.deepEqual([textOf(""), textOf(7), textOf("a")], [undefined, undefined, "a"]);
});

Deno.test("quoted() escapes control characters and cuts long text", () => {
  assert.equal(quoted('a\n\x1b"'), '"a\\n\\u001b\\""');
  assert.equal(quoted("x".repeat(65)), `"${"x".repeat(64)}"…`);
});
