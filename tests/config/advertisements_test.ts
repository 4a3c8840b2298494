import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";

function read(pool: string) {
  return parseConfig(
    `address-pools:\n- {name: p, addresses: [10.0.0.1-10.0.0.254], ${pool}}\n`,
    "c",
  );
}

Deno.test("an advertisement may not announce more than its pool has", () => {
  const length = (value: number) =>
    read(`protocol: bgp, bgp-advertisements: [{aggregation-length: ${value}}]`);
  assert.equal(length(26).config?.bgp[0]?.aggregationLength, 26);
  const { config, problems: [problem] } = length(25);
  assert.equal(config, undefined);
  assert.match(problem?.message ?? "", /25 would announce more than .*largest piece is a \/26/);
});

Deno.test("equal advertisements of a pool, and any of a layer 2 pool, are mistakes", () => {
  const twice = read("protocol: bgp, bgp-advertisements: [{localpref: 1}, {localpref: 1}]");
  assert.match(twice.problems[0]?.message ?? "", /^an equal advertisement stands here again/);
  const layer2 = read("protocol: layer2, bgp-advertisements: [{localpref: 1}]");
  assert.match(layer2.problems[0]?.message ?? "", /^a pool of protocol layer2 has no/);
});

Deno.test("advertisements keep the order in which they are written, over all pools", () => {
  const { config } = parseConfig(
    `address-pools:
- {name: z, protocol: bgp, addresses: [10.0.0.0/24], bgp-advertisements: [{localpref: 2}, {localpref: 1}]}
- {name: a, protocol: bgp, addresses: [10.1.0.0/24]}
`,
    "c",
  );
  assert.deepEqual(config?.bgp.map(({ pools, localPref }) => [...pools, localPref]), [
    ["z", 2],
    ["z", 1],
    ["a", 0],
  ]);
});
