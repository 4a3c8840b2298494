import assert from "node:assert/strict";
import {
  answeringLinks,
  type Link,
  matchesInterface,
  onePerCable,
  sameLink,
  usableForArp,
} from "../../lib/netlink/link.ts";
import { parseMac } from "../support/addresses.ts";

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
  sharesCableOf: undefined,
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
    { sharesCableOf: 2 },
    ...CASES.map(([, change]) => change).filter((change) => Object.keys(change).length > 0),
  ];
  for (const change of others) {
    assert.ok(!sameLink(ETHERNET, { ...ETHERNET, ...change }), JSON.stringify(change));
  }
});

Deno.test("onePerCable() leaves out who shares the cable of one that is there (row L17)", () => {
  const shim = { ...ETHERNET, ifindex: 9, name: "shim0", sharesCableOf: 2 };
  assert.deepEqual(onePerCable([shim, ETHERNET]), [ETHERNET]);
  assert.deepEqual(onePerCable([shim]), [shim], "its parent was shut out");
});

for (
  const [name, patterns, matches] of [
    ["eth0", [], true],
    ["eth0", ["eth0"], true],
    ["eth01", ["eth0"], false],
    ["xeth0", ["eth0"], false],
    ["eth0", ["bond*", "eth?"], true],
    ["eth10", ["eth?"], false],
    ["eth0.5", ["eth0.5"], true],
    ["eth0x5", ["eth0.5"], false],
    ["docker0", ["!docker*"], false],
    ["eth0", ["!docker*"], true],
    ["eth1", ["eth*", "!eth1"], false],
    ["eth0", ["*"], true],
    ["a+b(c", ["a+b(*"], true],
  ] as const
) {
  Deno.test(`matchesInterface() ${matches ? "takes" : "leaves"} ${name} by ${patterns.join() || "no pattern"}`, () => {
    assert.equal(matchesInterface(name, patterns), matches);
  });
}

Deno.test("answeringLinks() keeps what leads to the LAN before the many pods' pairs", () => {
  const pair = (ifindex: number) => ({
    ...ETHERNET,
    ifindex,
    name: `veth${ifindex}`,
    kind: "veth",
  });
  const down = { ...ETHERNET, ifindex: 8, up: false };
  const names = (patterns: readonly string[], most: number) =>
    answeringLinks([pair(3), pair(4), down, ETHERNET], patterns, most).map(({ name }) => name);
  assert.deepEqual(names([], 2), ["eth0", "veth3"]);
  assert.deepEqual(names(["!veth3"], 9), ["eth0", "veth4"]);
});
