import assert from "node:assert/strict";
import { type Link, sameLink, usableForArp } from "../../lib/netlink/link.ts";
import { parseMac } from "../../lib/net/ethernet.ts";

const ETHERNET: Link = {
  ifindex: 2,
  name: "eth0",
  mac: parseMac("02:00:00:00:00:01"),
  up: true,
  running: true,
  broadcast: true,
  noArp: false,
  loopback: false,
  master: undefined,
  kind: undefined,
};

const CASES: readonly [name: string, change: Partial<Link>, usable: boolean][] = [
  ["Ethernet with a cable", {}, true],
  ["a bridge", { kind: "bridge" }, true],
  ["one set down", { up: false }, false],
  ["one without a cable", { running: false }, false],
  ["a point-to-point link", { broadcast: false }, false],
  ["one without ARP", { noArp: true }, false],
  ["loopback", { loopback: true }, false],
  ["a port of a bridge or bond", { master: 7 }, false],
  ["a tunnel or InfiniBand, which has no 6-byte address", { mac: undefined }, false],
];

for (const [name, change, usable] of CASES) {
  Deno.test(`usableForArp() is ${usable} for ${name}`, () => {
    assert.equal(usableForArp({ ...ETHERNET, ...change }), usable);
  });
}

Deno.test("sameLink() sees a change of any field", () => {
  assert.ok(sameLink(ETHERNET, { ...ETHERNET }));
  const others: Partial<Link>[] = [
    { ifindex: 3 },
    { name: "net0" },
    ...CASES.map(([, change]) => change).filter((change) => Object.keys(change).length > 0),
  ];
  for (const change of others) {
    assert.ok(!sameLink(ETHERNET, { ...ETHERNET, ...change }), JSON.stringify(change));
  }
});
