import assert from "node:assert/strict";
import { placesOf } from "../../lib/config/places.ts";
import { readYaml, withoutMark } from "../../lib/config/yaml.ts";

function at(line: number, column: number) {
  return { kind: "text", source: "c", line, column };
}

Deno.test("readYaml() keeps scalars as they were written, with their places", () => {
  const [document] = readYaml("a: 65535:65282\nb: 'x'\nc: [010, ~]\n", "c");
  assert.deepEqual(document?.mistakes, []);
  assert.ok(document?.root?.kind === "map");
  const [a, b, c] = document.root.entries;
  assert.deepEqual(a?.value, {
    kind: "scalar",
    text: "65535:65282",
    quoted: false,
    place: at(1, 4),
  });
  assert.deepEqual(b?.value, { kind: "scalar", text: "x", quoted: true, place: at(2, 4) });
  assert.ok(c?.value.kind === "list");
  assert.deepEqual(c.value.items.map((item) => item.kind === "scalar" && item.text), ["010", "~"]);
});

Deno.test("readYaml() puts what an alias stands for in its place, at the alias's own place", () => {
  const [document] = readYaml("a: &x { k: v }\nb: *x\n", "c");
  assert.ok(document?.root?.kind === "map");
  const b = document.root.entries[1]?.value;
  assert.ok(b?.kind === "map");
  assert.deepEqual(b.place, at(2, 4));
  assert.equal(b.entries[0]?.key.text, "k");
});

Deno.test("readYaml() tells what is no YAML, once and with its place", () => {
  for (
    const [text, offset] of [
      ["a: [1\nb: 2\n", 6],
      ["a: 'x\n", 6],
      ["a: b: c\n", 3],
      ["a: *nope\n", 3],
      ["<<: {a: b}\n", 0],
      ["? [a]\n: b\n", 2],
    ] as const
  ) {
    const [document] = readYaml(text, "c");
    assert.equal(document?.mistakes.length, 1, text);
    const { line, column } = placesOf(text)(offset);
    assert.deepEqual(document?.mistakes[0]?.place, at(line, column), text);
  }
  assert.match(readYaml("a:\n\t- b\n", "c")[0]?.mistakes[0]?.hint ?? "", /tabulators/);
});

Deno.test("withoutMark() takes a byte order mark off, and nothing else", () => {
  assert.equal(withoutMark("\ufeffa"), "a");
  assert.equal(withoutMark("a\ufeff"), "a\ufeff");
});
