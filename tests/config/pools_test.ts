import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";
import { selecting } from "../controller/fixture.ts";

Deno.test("pools and their addresses keep the order in which they are written", () => {
  const text = `address-pools:
- { name: z, protocol: bgp, addresses: [10.9.0.0/24, 10.1.0.1-10.1.0.2, "fd00::/64"] }
- { name: a, protocol: layer2, addresses: [10.0.0.0/24], avoid-buggy-ips: true, auto-assign: false }
`;
  const { config } = parseConfig(text, "c");
  assert.deepEqual(config?.pools.map(({ name }) => name), ["z", "a"]);
  assert.deepEqual(config?.pools[0]?.ranges.map((range) => range.text), [
    "10.9.0.0/24",
    "10.1.0.1-10.1.0.2",
    "fd00::/64",
  ]);
  assert.deepEqual(
    config?.pools.map(({ avoidBuggyIps, autoAssign }) => [avoidBuggyIps, autoAssign]),
    [[false, true], [true, false]],
  );
});

Deno.test("a layer 2 pool becomes an advertisement, a BGP pool without any a plain one", () => {
  const config = parseConfig(
    "address-pools: [{name: b, protocol: bgp, addresses: [10.0.0.0/24]}, {name: l, protocol: layer2, addresses: [10.1.0.0/24]}]",
    "c",
  ).config;
  assert.deepEqual(config?.layer2, [{ ...selecting("l"), interfaces: [] }]);
  assert.equal(config?.bgp.length, 1);
  assert.deepEqual(config?.bgp[0], {
    ...selecting("b"),
    peers: [],
    aggregationLength: 32,
    aggregationLengthV6: 128,
    localPref: 0,
    communities: [],
    largeCommunities: [],
  });
});

Deno.test("communities of an advertisement are kept once each, in ascending order", () => {
  const text =
    "address-pools: [{name: b, protocol: bgp, addresses: [10.0.0.0/24], bgp-advertisements: [{communities: ['2:1', '1:2', '1:1']}]}]";
  assert.deepEqual(parseConfig(text, "c").config?.bgp[0]?.communities, [
    0x10001,
    0x10002,
    0x20001,
  ]);
});
