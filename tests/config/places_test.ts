import assert from "node:assert/strict";
import { linesOf, placesOf } from "../../lib/config/places.ts";

Deno.test("placesOf() counts lines and columns from 1, whatever ends the lines", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = ["ab", "", "cde"].join(end);
    const place = placesOf(text);
    assert.deepEqual(place(0), { line: 1, column: 1 });
    assert.deepEqual(place(1), { line: 1, column: 2 });
    assert.deepEqual(place(text.indexOf("c")), { line: 3, column: 1 });
    assert.deepEqual(place(text.length), { line: 3, column: 4 });
    assert.deepEqual(linesOf(text), ["ab", "", "cde"]);
  }
});
