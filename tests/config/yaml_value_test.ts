import assert from "node:assert/strict";
import { parse } from "yaml";
import { readYamlValue } from "../../lib/config/yaml_value.ts";

Deno.test("readYamlValue() means by each word what YAML 1.2 means", () => {
  const words = [
    ...[
      "",
      "~",
      "null",
      "Null",
      "NULL",
      "nULL",
      "true",
      "True",
      "TRUE",
      "tRUE",
      "false",
      "no",
      "yes",
    ],
    ...["0", "-1", "+1", "012", "0x1f", "-0x1f", "0o17", "1_0", "1.5", "1.", ".5", "-.5", "+1.5e3"],
    ...[
      "1e3",
      "1e",
      "e3",
      ".inf",
      "-.Inf",
      "+.INF",
      ".nan",
      ".NaN",
      "0b1",
      "10:20",
      "1.2.3",
      "a b",
    ],
    ...["'5'", '"true"', "''", "!!str 5", "[1, a]", "{a: 1, b: {c: ~}}", "2001-01-01"],
  ];
  for (const word of words) {
    const { mistakes, value } = readYamlValue(`a: ${word}\n`, "f");
    assert.deepEqual(mistakes, [], word);
    assert.deepEqual(value, parse(`a: ${word}\n`), word);
  }
});

Deno.test("readYamlValue() gives the mistakes of a text that is none", () => {
  const { mistakes: [mistake], value } = readYamlValue("a: [hunter2\n", "f");
  assert.equal(value, null);
  assert.match(mistake?.message ?? "", /^this is no YAML/);
  assert.ok(!JSON.stringify(mistake).includes("hunter2"));
});
