import assert from "node:assert/strict";
import { configDifference } from "../../lib/config/difference.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { EMPTY_CONFIG } from "../../lib/config/types.ts";

function read(text: string) {
  const { config, problems } = parseConfig(text, "c");
  return config ?? assert.fail(JSON.stringify(problems));
}

const peer = (more: string) => `{my-asn: 64500, peer-asn: 64501, peer-address: 10.0.0.1${more}}`;

function peerChange(before: string, after: string) {
  const profiles = "bfd-profiles: [{name: fast}]\n";
  const of = (more: string) => read(`peers: [${peer(more)}]\n${profiles}`);
  const { peers } = configDifference(of(before), of(after));
  return peers;
}

const POOLS = `address-pools:
- {name: a, protocol: layer2, addresses: [10.0.0.0/28]}
- {name: b, protocol: bgp, addresses: [10.1.0.0/24]}
`;

Deno.test("configDifference() of equal configurations is empty", () => {
  const text = `${POOLS}peers: [${peer("")}]\n`;
  assert.deepEqual(configDifference(read(text), read(text)), {
    pools: [],
    poolsReordered: false,
    peers: [],
    bfdProfiles: [],
  });
});

Deno.test("configDifference() names pools that come, go, change or change places", () => {
  const after = `address-pools:
- {name: c, protocol: layer2, addresses: [10.2.0.0/28]}
- {name: a, protocol: layer2, addresses: [10.0.0.0/29, 10.0.1.1-10.0.1.9], auto-assign: false}
`;
  const { pools, poolsReordered } = configDifference(read(POOLS), read(after));
  assert.deepEqual(pools, [
    { kind: "added", name: "c", changes: [] },
    {
      kind: "changed",
      name: "a",
      changes: [
        "addresses: +10.0.0.0/29, +10.0.1.1-10.0.1.9, -10.0.0.0/28",
        "auto-assign: true -> false",
      ],
    },
    { kind: "removed", name: "b", changes: [] },
  ]);
  assert.equal(poolsReordered, false);
  const turned = POOLS.split("\n").filter((line) => line !== "");
  const reversed = [turned[0], turned[2], turned[1]].join("\n");
  assert.equal(configDifference(read(POOLS), read(reversed)).poolsReordered, true);
});

Deno.test("configDifference() tells what becomes of a peer's session", () => {
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["", ", hold-time: 30s, keepalive-time: 30s", "begins anew", "hold-time: 90s -> 30s"],
    ["", ", bfd-profile: fast", "stays", "bfd-profile: not set -> fast"],
    ["", ", node-selectors: [{match-labels: {rack: a}}]", "stays", "node-selectors: +"],
    ["", ", password: secret-one", "begins anew", "password: is set"],
    [", password: secret-one", "", "begins anew", "password: is gone"],
    [", password: secret-one", ", password: secret-two", "begins anew", "password: is another one"],
  ];
  for (const [before, after, session, change] of rows) {
    const [found, ...more] = peerChange(before, after);
    assert.deepEqual(more, []);
    assert.equal(found?.kind, "changed", after);
    assert.equal(found?.session, session, after);
    assert.ok(found?.changes.join().startsWith(change), found?.changes.join());
  }
});

Deno.test("configDifference() shows no password, whatever changes beside it", () => {
  const text = JSON.stringify([
    peerChange(", password: secret-one", ", password: secret-two, hold-time: 3m"),
    configDifference(EMPTY_CONFIG, read(`peers: [${peer(", password: secret-one")}]`)),
    configDifference(read(`peers: [${peer(", password: secret-one")}]`), EMPTY_CONFIG),
  ]);
  assert.ok(!text.includes("secret-"), text);
  assert.match(text, /AS 64501, from AS 64500 on every node/);
});

Deno.test("configDifference() pairs peers of one address by what they say before their order", () => {
  const of = (...peers: string[]) => read(`peers: [${peers.map(peer).join(", ")}]`);
  const rack = (name: string) => `, node-selectors: [{match-labels: {rack: ${name}}}]`;
  const { peers } = configDifference(of(rack("a"), rack("b")), of(rack("b"), rack("c")));
  assert.deepEqual(peers.map(({ kind, session }) => [kind, session]), [["changed", "stays"]]);
  assert.deepEqual(
    configDifference(of(rack("a"), rack("b")), of(rack("b"))).peers.map(({ kind }) => kind),
    ["removed"],
  );
});

Deno.test("configDifference() names BFD profiles by what changes in them", () => {
  const before = read("bfd-profiles: [{name: fast, receive-interval: 50}, {name: old}]");
  const after = read("bfd-profiles: [{name: fast, receive-interval: 100}]");
  assert.deepEqual(configDifference(before, after).bfdProfiles, [
    { kind: "changed", name: "fast", changes: ["receive-interval: 50 -> 100"] },
    { kind: "removed", name: "old", changes: [] },
  ]);
});
