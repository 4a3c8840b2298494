import assert from "node:assert/strict";
import { readRange } from "../../lib/config/addresses.ts";
import {
  type Findings,
  isNull,
  readBoolean,
  readFields,
  readInteger,
  readList,
  readText,
} from "../../lib/config/fields.ts";
import { readJson } from "../../lib/config/json.ts";
import { readSelectors } from "../../lib/config/label_selectors.ts";
import { placeText } from "../../lib/config/report.ts";

function fieldsOf(spec: unknown, keys: readonly string[], to: Findings) {
  const { root, mistakes } = readJson(spec, "pool a/b", "spec");
  assert.deepEqual(mistakes, []);
  assert.ok(root);
  return readFields(root, "the pool", keys, to);
}

function messages({ mistakes }: Findings): string[] {
  return mistakes.map(({ place, message }) => `${placeText(place)}: ${message}`);
}

Deno.test("readJson() gives what the readers of a ConfigMap read: texts, numbers, booleans, nothing", () => {
  const to: Findings = { mistakes: [] };
  const spec = { text: "65535:65282", number: 32, yes: true, none: null, list: ["10.0.0.0/24"] };
  const fields = fieldsOf(spec, Object.keys(spec), to);
  assert.equal(readText(fields?.get("text"), to), "65535:65282");
  assert.equal(readInteger(fields?.get("number"), 0, 32, to), 32);
  assert.equal(readBoolean(fields?.get("yes"), false, to), true);
  assert.equal(readInteger(fields?.get("none"), 0, 1, to), undefined);
  const [address] = readList(fields?.get("list"), to);
  assert.ok(address?.kind === "scalar");
  assert.equal(readRange(address, to)?.text, "10.0.0.0/24");
  assert.deepEqual(messages(to), []);
});

Deno.test("readJson() tells mistakes by object and field", () => {
  const to: Findings = { mistakes: [] };
  const spec = {
    addresses: ["10.0.0.0/24", "10.0.0.9-10.0.0.1"],
    number: "32",
    empty: "",
    nodeSelectors: [{ "match-labels": { "a.b/c": "not a value" } }],
    other: 1,
  };
  const fields = fieldsOf(spec, ["addresses", "number", "empty", "nodeSelectors"], to);
  for (const node of readList(fields?.get("addresses"), to)) {
    if (node.kind === "scalar") readRange(node, to);
  }
  readInteger(fields?.get("number"), 0, 32, to);
  readSelectors(fields?.get("nodeSelectors"), "a node selector", to);
  const empty = fields?.get("empty");
  assert.ok(empty && !isNull(empty.value), "an empty text is a text");
  assert.deepEqual(messages(to), [
    'pool a/b spec.other: unknown key "other" in the pool',
    'pool a/b spec.addresses[1]: "10.0.0.9-10.0.0.1" ends before it begins',
    'pool a/b spec.number: "number" must be a number from 0 to 32, not "32"',
    'pool a/b spec.nodeSelectors[0].match-labels["a.b/c"]: "********" is no value of a label',
  ]);
});

Deno.test("readJson() refuses what is too deep, and reads no member of JavaScript's own objects", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 10_000; level++) deep = [deep];
  const { root, mistakes } = readJson({ deep }, "pool a/b", "spec");
  assert.equal(root, undefined);
  assert.deepEqual(mistakes.map(({ message }) => message), [
    "more than 64 levels inside each other",
  ]);
  const to: Findings = { mistakes: [] };
  const fields = fieldsOf(JSON.parse('{"__proto__": {"name": "x"}}'), ["name"], to);
  assert.equal(fields?.get("name"), undefined);
  assert.deepEqual(messages(to), ['pool a/b spec.__proto__: unknown key "__proto__" in the pool']);
});
