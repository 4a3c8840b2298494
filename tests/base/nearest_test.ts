import assert from "node:assert/strict";
import { didYouMean, nearest } from "../../lib/base/nearest.ts";

const WORDS = ["addresses", "name", "protocol", "auto-assign"];

Deno.test("nearest() finds the word behind a slip, and none behind another word", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["adresses", "addresses"],
    ["addressses", "addresses"],
    ["nmae", "name"],
    ["Name", "name"],
    ["autoassign", "auto-assign"],
    ["auto_assign", "auto-assign"],
    ["protcol", "protocol"],
    ["zzzz", undefined],
    ["", undefined],
  ];
  for (const [word, meant] of rows) assert.equal(nearest(word, WORDS), meant, word);
  assert.equal(nearest("anything", []), undefined);
});

Deno.test("didYouMean() names the nearest word, else all of them", () => {
  assert.equal(didYouMean("nmae", WORDS), 'did you mean "name"?');
  assert.equal(didYouMean("zzzz", ["a-b", "c-d"]), 'there is "a-b", "c-d"');
  assert.equal(didYouMean("zzzz", []), "there is none");
});
