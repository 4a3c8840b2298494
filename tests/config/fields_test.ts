import assert from "node:assert/strict";
import {
  type Findings,
  isNull,
  readBoolean,
  readFields,
  readInteger,
  readList,
  readWord,
  shown,
} from "../../lib/config/fields.ts";
import { placeText } from "../../lib/config/report.ts";
import type { TreeEntry, TreeNode } from "../../lib/config/tree.ts";
import { readYaml } from "../../lib/config/yaml.ts";

function root(text: string): TreeNode {
  const node = readYaml(text, "c")[0]?.root;
  assert.ok(node);
  return node;
}

function entry(text: string): TreeEntry {
  const node = root(text);
  assert.ok(node.kind === "map" && node.entries[0]);
  return node.entries[0];
}

Deno.test("readFields() takes a misspelt key for the one that is meant, after saying so", () => {
  const to: Findings = { mistakes: [] };
  const fields = readFields(root("nmae: x\nother: y\n"), "a thing", ["name", "size"], to);
  assert.deepEqual([...fields?.keys() ?? []], ["name"]);
  assert.deepEqual(to.mistakes.map(({ place, hint }) => [placeText(place), hint]), [
    ["c:1:1", 'did you mean "name"?'],
    ["c:2:1", 'there is "name", "size"'],
  ]);
});

Deno.test("absent and null fields give their default without a word", () => {
  const to: Findings = { mistakes: [] };
  for (const absent of [undefined, entry("a:\n"), entry("a: ~\n"), entry("a: null\n")]) {
    assert.equal(readInteger(absent, 1, 2, to), undefined);
    assert.equal(readBoolean(absent, true, to), true);
    assert.equal(readWord(absent, ["x"], to), undefined);
    assert.deepEqual(readList(absent, to), []);
  }
  assert.deepEqual(to.mistakes, []);
  assert.equal(isNull(root("'null'")), false);
});

Deno.test("a value of the wrong kind is named with what was expected", () => {
  const rows: readonly (readonly [(to: Findings) => unknown, RegExp])[] = [
    [
      (to) => readInteger(entry("a: [1]"), 1, 2, to),
      /"a" must be a number from 1 to 2, not a list/,
    ],
    [(to) => readInteger(entry('a: "1"'), 1, 2, to), /must be a number from 1 to 2, not "1"/],
    [(to) => readBoolean(entry('a: "yes"'), false, to), /must be true or false/],
    [(to) => readWord(entry("a: {b: c}"), ["x", "y"], to), /must be x or y, not a map/],
    [(to) => readList(entry("a: b"), to), /must be a list, not "b"/],
    [
      (to) => readFields(root("[1]"), "a thing", ["x"], to),
      /a thing must be a map of x, not a list/,
    ],
  ];
  for (const [read, pattern] of rows) {
    const to: Findings = { mistakes: [] };
    read(to);
    assert.equal(to.mistakes.length, 1);
    assert.match(to.mistakes[0]?.message ?? "", pattern);
  }
});

Deno.test("shown() keeps messages short and free of control characters", () => {
  assert.equal(shown("a\u001b[31m\n"), "a\\u001b[31m\\n");
  assert.equal(shown("x".repeat(100)).length, 61);
  assert.equal(shown('say "hi"'), 'say "hi"');
});
