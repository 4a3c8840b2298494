import assert from "node:assert/strict";
import { readHost, readRange } from "../../lib/config/addresses.ts";
import type { Findings } from "../../lib/config/fields.ts";
import type { TreeScalar } from "../../lib/config/tree.ts";
import { formatIp } from "../../lib/net/ip.ts";

function scalar(text: string): TreeScalar {
  return {
    kind: "scalar",
    text,
    quoted: false,
    place: { kind: "text", source: "c", line: 1, column: 1 },
  };
}

Deno.test("readRange() reads prefixes and ranges of both families, with blanks round the dash", () => {
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["10.0.0.0/24", "10.0.0.0", "10.0.0.255", "10.0.0.0/24"],
    ["10.0.0.9/24", "10.0.0.0", "10.0.0.255", "10.0.0.0/24"],
    ["10.0.0.7/32", "10.0.0.7", "10.0.0.7", "10.0.0.7/32"],
    ["10.0.0.1-10.0.1.2", "10.0.0.1", "10.0.1.2", "10.0.0.1-10.0.1.2"],
    [" 10.0.0.1  -  10.0.0.2 ", "10.0.0.1", "10.0.0.2", "10.0.0.1-10.0.0.2"],
    ["10.0.0.1-10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1-10.0.0.1"],
    ["fd00::/120", "fd00::", "fd00::ff", "fd00::/120"],
    ["FD00::1-fd00:0:0:0::A", "fd00::1", "fd00::a", "fd00::1-fd00::a"],
  ];
  for (const [text, first, last, canonical] of rows) {
    const to: Findings = { mistakes: [] };
    const range = readRange(scalar(text), to);
    assert.ok(range, text);
    assert.deepEqual([formatIp(range.first), formatIp(range.last), range.text], [
      first,
      last,
      canonical,
    ]);
    assert.deepEqual(to.mistakes.filter(({ severity }) => severity === "error"), []);
  }
});

Deno.test("readHost() takes the address of a host and no other", () => {
  for (const text of ["10.0.0.1", "fd00::1", "fe80::1", "127.0.0.1"]) {
    const to: Findings = { mistakes: [] };
    assert.equal(formatIp(readHost(scalar(text), "peer-address", to) ?? assert.fail(text)), text);
  }
  for (
    const text of [
      "0.0.0.0",
      "::",
      "224.0.0.1",
      "ff02::1",
      "::ffff:10.0.0.1",
      "router",
      "10.0.0.1/32",
      "",
    ]
  ) {
    const to: Findings = { mistakes: [] };
    assert.equal(readHost(scalar(text), "peer-address", to), undefined, text);
    assert.match(to.mistakes[0]?.message ?? "", /^"peer-address"/);
  }
});
