import assert from "node:assert/strict";
import { splitDocuments } from "../../lib/config/documents.ts";

/** `LINE KIND` of each. */
function split(text: string): string[] {
  return splitDocuments(text).map(({ firstLine, kind }) => `${firstLine} ${kind}`);
}

Deno.test("splitDocuments() gives each document with its line and kind, whatever ends the lines", () => {
  const text =
    "# a comment\n---\nkind: Service\n--- # next\nmetadata: {}\nkind: 'ConfigMap'\n---\n";
  for (const end of ["\n", "\r\n", "\r"]) {
    assert.deepEqual(split(text.replaceAll("\n", end)), ["2 Service", "4 ConfigMap"]);
  }
  assert.deepEqual(split(""), []);
});

Deno.test("splitDocuments() does not split within a value, nor take an inner kind for the document's", () => {
  assert.deepEqual(split("data:\n  a: |\n    ---\n    kind: Service\n"), ["1 undefined"]);
  assert.deepEqual(split("spec:\n  kind: X\n----\n"), ["1 undefined"]);
  assert.deepEqual(split("%YAML 1.2\n---\nkind: List\n"), ["1 List"]);
});
