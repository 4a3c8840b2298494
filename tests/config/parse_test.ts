import assert from "node:assert/strict";
import fc from "fast-check";
import { parseConfig } from "../../lib/config/parse.ts";
import { reported } from "../../lib/config/report.ts";
import { linesOf } from "../../lib/config/places.ts";
import { withoutMark } from "../../lib/config/yaml.ts";
import { printConfig } from "../support/print_config.ts";
import { anyConfig } from "./arbitrary.ts";

/** Reads any text; each problem must lie inside it. */
function probe(text: string): void {
  const { config, problems } = parseConfig(text, "c");
  const lines = linesOf(withoutMark(text));
  for (const { line = 0, column = 0, message, severity } of problems.map(reported)) {
    assert.ok(line >= 1 && line <= lines.length, `${line} of ${lines.length}: ${message}`);
    assert.ok(
      column >= 1 && column <= (lines[line - 1] ?? "").length + 1,
      `${line}:${column} ${message}`,
    );
    assert.ok(severity === "warning" || config === undefined);
  }
}

Deno.test("parseConfig() takes any text without throwing, and every place lies inside it", () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((octets) => new TextDecoder().decode(octets));
  const yamlish = fc.array(
    fc.constantFrom(
      "a",
      ":",
      " ",
      "\n",
      "- ",
      "[",
      "]",
      "{",
      "}",
      ",",
      "'",
      '"',
      "&x",
      "*x",
      "|",
      ">",
      "#",
      "---",
      "?",
      "!t",
      "\t",
      "peers",
      "name",
    ),
    { maxLength: 60 },
  ).map((parts) => parts.join(""));
  fc.assert(fc.property(fc.oneof(bytes, fc.string({ unit: "binary" }), yamlish), probe), {
    seed: 1,
    numRuns: 3_000,
  });
});

Deno.test("parseConfig() takes a valid text with a piece cut, doubled or replaced", () => {
  const mutation = fc.tuple(
    anyConfig,
    fc.nat(),
    fc.nat(20),
    fc.constantFrom("cut", "double", "replace"),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(mutation, ([config, at, length, kind, text]) => {
      const whole = printConfig(config);
      const start = at % whole.length;
      const piece = kind === "cut"
        ? ""
        : kind === "double"
        ? whole.slice(start, start + length).repeat(2)
        : text;
      probe(whole.slice(0, start) + piece + whole.slice(start + length));
    }),
    { seed: 2, numRuns: 500 },
  );
});

Deno.test("parseConfig() reports the first hundred problems and how many more there are", () => {
  const text = `address-pools:\n${
    Array.from({ length: 150 }, (_, index) =>
      `- {name: p${index}, protocol: bad, addresses: [10.${index}.0.0/24]}\n`).join("")
  }`;
  const { problems } = parseConfig(text, "c");
  assert.equal(problems.length, 101);
  assert.equal(problems[100]?.message, "and 50 more problems");
});

Deno.test("parseConfig() moves places into the file around the text", () => {
  const { problems } = parseConfig(
    "peers: 7\n",
    "f",
    ({ line, column }) => ({ line: line + 10, column: column + 4 }),
  );
  assert.deepEqual(
    problems.map(reported).map(({ source, line, column }) => [source, line, column]),
    [[
      "f",
      11,
      12,
    ]],
  );
});

Deno.test("parseConfig() finds every overlap once, with the later range at fault", () => {
  const text =
    "address-pools:\n- name: a\n  protocol: bgp\n  addresses:\n  - 10.0.0.0/16\n  - 10.0.5.0/24\n  - 10.0.4.0/24\n  - fd00::/64\n  - 10.1.0.0/16\n";
  const { problems } = parseConfig(text, "c");
  assert.deepEqual(problems.map(reported).map(({ line, message }) => `${line} ${message}`), [
    '6 "10.0.5.0/24" overlaps "10.0.0.0/16" of pool "a", the first is in line 5',
    '7 "10.0.4.0/24" overlaps "10.0.0.0/16" of pool "a", the first is in line 5',
  ]);
});

Deno.test("parseConfig() says of a peer's and a pool's key at the left margin where it belongs", () => {
  const { problems } = parseConfig(
    "peers:\n- peer-address: 10.0.0.1\npeer-asn: 64501\naddress-pools:\n- name: a\nprotocol: bgp\n",
    "c",
  );
  const hints = problems.filter(({ message }) => message.startsWith("unknown key"))
    .map(({ message, hint }) => `${message}; ${hint}`);
  assert.deepEqual(hints, [
    `unknown key "peer-asn" in the configuration; it belongs to a peer: indent it as the peer's first key is`,
    `unknown key "protocol" in the configuration; it belongs to a pool: indent it as the pool's first key is`,
  ]);
});
