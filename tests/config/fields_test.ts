import assert from "node:assert/strict";
import {
  type Findings,
  isNull,
  readBoolean,
  readDuration,
  readFields,
  readInteger,
  readList,
  readText,
  readWord,
  shownName,
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

Deno.test("a field without a value is as one that is not there, and missing where it is required", () => {
  for (const text of ["b: 1", "a:\nb: 1", "a: ~\nb: 1", "a: null\nb: 1"]) {
    const to: Findings = { mistakes: [] };
    const fields = readFields(root(text), "a thing", ["a", "b"], to);
    assert.deepEqual([...fields?.keys() ?? []], ["b"]);
    const absent = fields?.get("a");
    assert.equal(readInteger(absent, 1, 2, to), undefined);
    assert.equal(readBoolean(absent, true, to), true);
    assert.equal(readWord(absent, ["x"], to), undefined);
    assert.deepEqual(readList(absent, to), []);
    assert.deepEqual(to.mistakes, []);
    readFields(root(text), "a thing", ["a", "b"], to, { required: ["a", "b"] });
    assert.deepEqual(to.mistakes.map(({ message }) => message), ['the thing has no "a"']);
  }
  assert.equal(isNull(root("'null'")), false);
});

Deno.test("an empty text is as absent as none, an empty number is a mistake", () => {
  const to: Findings = { mistakes: [] };
  const empty = entry('a: ""');
  assert.equal(readWord(empty, ["x"], to), undefined);
  assert.equal(readDuration(empty, "1s", to), undefined);
  assert.equal(readText(empty, to), undefined);
  assert.deepEqual(to.mistakes, []);
  readInteger(empty, 1, 2, to);
  readBoolean(empty, true, to);
  assert.equal(to.mistakes.length, 2);
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
  assert.equal(shownName("a\u001b[31m\n"), "a\\u001b[31m\\n");
  assert.equal(shownName("x".repeat(100)).length, 61);
  assert.equal(shownName('say "hi"'), 'say "hi"');
});
