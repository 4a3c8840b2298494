import assert from "node:assert/strict";
import {
  answeringLinks,
  leftOutByName,
  type Link,
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

Deno.test("answeringLinks() keeps what leads to the LAN before the pairs of containers", () => {
  const pair = (ifindex: number) => ({
    ...ETHERNET,
    ifindex,
    name: `lan${ifindex}`,
    kind: "veth",
  });
  const down = { ...ETHERNET, ifindex: 8, up: false };
  const names = (patterns: readonly string[], most: number) =>
    answeringLinks([pair(3), pair(4), down, ETHERNET], patterns, most).map(({ name }) => name);
  assert.deepEqual(names([], 2), ["eth0", "lan3"]);
  assert.deepEqual(names(["!lan3"], 9), ["eth0", "lan4"]);
});

Deno.test("leftOutByName() gives what could answer and does not for its name alone", () => {
  const links = [
    ETHERNET,
    { ...ETHERNET, ifindex: 3, name: "cali1", kind: "veth" },
    { ...ETHERNET, ifindex: 4, name: "cni0", kind: "bridge" },
    { ...ETHERNET, ifindex: 5, name: "cali2", master: 4 },
    { ...ETHERNET, ifindex: 6, name: "eth1", up: false },
  ];
  const names = (patterns: readonly string[]) =>
    leftOutByName(links, patterns).map(({ name }) => name);
  assert.deepEqual(names([]), ["cali1", "cni0"]);
  assert.deepEqual(names(["eth0", "cni*"]), ["cali1"]);
  assert.deepEqual(names(["*"]), []);
  assert.deepEqual(answeringLinks(links, [], 9).map(({ name }) => name), ["eth0"]);
});

Deno.test("a bridge or bond that carries the node's address answers, its ports do not", () => {
  for (const [name, kind] of [["br0", "bridge"], ["vmbr0", "bridge"], ["bond0", "bond"]] as const) {
    const links = [
      { ...ETHERNET, master: 7 },
      { ...ETHERNET, ifindex: 3, name: "veth1a", kind: "veth", master: 7 },
      { ...ETHERNET, ifindex: 7, name, kind },
    ];
    assert.deepEqual(answeringLinks(links, [], 9).map((link) => link.name), [name]);
    assert.deepEqual(leftOutByName(links, []), [], "a port is not left out for its name");
  }
});
