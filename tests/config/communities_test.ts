import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCommunity, parseCommunity } from "../../lib/config/communities.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { reported } from "../../lib/config/report.ts";

Deno.test("parseCommunity() reads two 16-bit numbers", () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ["0:0", 0],
    ["65535:65282", 0xffff_ff02],
    ["65535:65535", 0xffff_ffff],
    ["64512:100", 0xfc00_0064],
    ["65536:0", undefined],
    ["0:65536", undefined],
    ["1", undefined],
    ["1:2:3", undefined],
    ["-1:2", undefined],
    ["a:b", undefined],
    [" 1:2", undefined],
  ];
  for (const [text, value] of rows) assert.equal(parseCommunity(text), value, text);
});

Deno.test("formatCommunity() gives what parseCommunity() reads back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (value) => parseCommunity(formatCommunity(value)) === value,
    ),
    { seed: 11 },
  );
});

Deno.test("an alias with a wrong value is one mistake, its use is none", () => {
  const text = `bgp-communities:
  bad: 1:2:3
  good: 65535:65281
address-pools:
- name: a
  protocol: bgp
  addresses: [10.0.0.0/24]
  bgp-advertisements:
  - communities: [bad, good]
`;
  assert.deepEqual(
    parseConfig(text, "c").problems.map(reported).map(({ line, column }) => `${line}:${column}`),
    [
      "2:8",
    ],
  );
});

Deno.test("large communities stand beside standard ones, by alias too", () => {
  const { config, problems } = parseConfig(
    `address-pools:
- name: a
  protocol: bgp
  addresses: [10.0.0.0/24]
  bgp-advertisements:
  - communities: ["large:4200000000:1:2", "64512:7", far]
bgp-communities: {far: "large:1:2:3"}
`,
    "c",
  );
  assert.deepEqual(problems, []);
  const [advertisement] = config?.bgp ?? [];
  assert.deepEqual(advertisement?.communities, [64512 * 65536 + 7]);
  assert.deepEqual(advertisement?.largeCommunities, [[1, 2, 3], [4200000000, 1, 2]]);
  assert.deepEqual(config?.communities, [{ name: "far", value: [1, 2, 3] }]);
  assert.equal(parseCommunity("large:1:2"), undefined);
  assert.equal(parseCommunity("large:4294967296:0:0"), undefined);
});
