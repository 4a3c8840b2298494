import assert from "node:assert/strict";
import type { Link } from "../../lib/netlink/link.ts";
import { answeringLinks } from "../../lib/netlink/link.ts";
import {
  cutOff,
  leadsToAny,
  noteSubnets,
  type OwnAddress,
  type Subnets,
} from "../../lib/netlink/reach.ts";
import { formatPrefix } from "../../lib/net/prefix.ts";
import type { AddressRange } from "../../lib/net/range.ts";
import { ip } from "../controller/fixture.ts";
import { parseMac } from "../support/addresses.ts";

const link = (ifindex: number, name: string, part: Partial<Link> = {}): Link => ({
  ifindex,
  name,
  mac: parseMac(`02:00:00:00:00:0${ifindex}`),
  up: true,
  running: true,
  broadcast: true,
  noArp: false,
  loopback: false,
  master: undefined,
  kind: undefined,
  sharesCableOf: undefined,
  ...part,
});
const DOWN = { up: false, running: false };
const NO_CABLE = { running: false };
const own = (text: string, name: string): OwnAddress => {
  const [address = "", length] = text.split("/");
  return { ip: ip(address), length: Number(length), interface: name };
};
const range = (first: string, last: string): AddressRange => ({
  first: ip(first),
  last: ip(last),
  text: "",
});

const LAN = range("10.77.1.220", "10.77.1.240");
const LAN6 = range("fd77::220", "fd77::240");
const ELSEWHERE = range("203.0.113.1", "203.0.113.9");
const ADDRESSES = [
  own("10.77.1.12/24", "eth0"),
  own("fd77::12/64", "eth0"),
  own("10.79.0.12/24", "storage0"),
  own("10.77.1.221/32", "kube-ipvs0"),
];

/** Whether it leads there once the machine was well and is now like this. */
function leads(
  ranges: readonly AddressRange[],
  links: readonly Link[],
  { patterns = [] as readonly string[], addresses = ADDRESSES } = {},
): boolean {
  const subnets: Subnets = new Map();
  noteSubnets(subnets, links.map((one) => ({ ...one, up: true, running: true })), ADDRESSES);
  noteSubnets(subnets, links, addresses);
  return leadsToAny(ranges, {
    links,
    usable: answeringLinks(links, patterns, 100),
    subnets,
    patterns,
  });
}

Deno.test("an interface leads to the addresses of its subnet, and no other does (layer 2, fault 5)", () => {
  const storage = link(3, "storage0");
  assert.equal(leads([LAN], [link(2, "eth0"), storage]), true);
  for (const state of [NO_CABLE, DOWN]) {
    assert.equal(leads([LAN], [link(2, "eth0", state), storage]), false);
    assert.equal(leads([ELSEWHERE, LAN], [link(2, "eth0", state), storage]), false);
    const other = range("10.79.0.100", "10.79.0.101");
    assert.equal(leads([LAN, other], [link(2, "eth0", state), storage]), true, "one is enough");
  }
});

Deno.test("the subnets of an interface that is down are remembered: the kernel takes IPv6 off it", () => {
  const links = [link(2, "eth0", DOWN), link(3, "storage0")];
  const addresses = ADDRESSES.filter((one) => one.interface !== "eth0");
  assert.equal(leads([LAN, LAN6], links, { addresses }), false);
  assert.equal(leads([LAN6], [link(2, "eth0"), link(3, "storage0")], { addresses }), true, "up");
});

Deno.test("an address that lies in no subnet may be looked for on each interface", () => {
  const links = [link(2, "eth0"), link(3, "storage0")];
  assert.equal(leads([ELSEWHERE], links), true);
  assert.equal(leads([], links), true, "nothing is to be announced yet");
  assert.equal(leads([], []), false, "no interface at all");
});

Deno.test("what the configuration names leads everywhere, what it only shuts out does not", () => {
  const links = [link(2, "eth0", NO_CABLE), link(3, "storage0")];
  assert.equal(leads([LAN], links, { patterns: ["storage*"] }), true);
  assert.equal(leads([LAN], links, { patterns: ["!mgmt0"] }), false);
});

Deno.test("pods' interfaces and addresses of hosts lead nowhere", () => {
  const pods = [link(4, "cali1", { kind: "veth" }), link(5, "kube-ipvs0", { noArp: true })];
  assert.equal(leads([LAN], [link(2, "eth0", NO_CABLE), ...pods]), false);
  assert.equal(leads([LAN], [link(2, "eth0", NO_CABLE), link(3, "storage0"), ...pods]), false);
  assert.equal(leads([LAN], [link(2, "eth0"), ...pods]), true);
});

Deno.test("a bridge leads where its ports' addresses do, and a parent where those on its cable do", () => {
  assert.equal(leads([LAN], [link(2, "eth0", { master: 6 }), link(6, "br1")]), true);
  assert.equal(leads([LAN], [link(2, "eth0", { sharesCableOf: 6 }), link(6, "wire0")]), true);
});

Deno.test("a node is cut off from the subnet of an interface that is down, and from no other", () => {
  const shut = (links: readonly Link[], patterns: readonly string[] = []) => {
    const subnets: Subnets = new Map();
    noteSubnets(subnets, links.map((one) => ({ ...one, up: true, running: true })), ADDRESSES);
    const usable = answeringLinks(links, patterns, 100);
    const other = range("10.79.0.100", "10.79.0.101");
    const parts = { links, usable, subnets, patterns };
    return cutOff([LAN, other, LAN6, ELSEWHERE], parts).map(formatPrefix).join();
  };
  const [eth0, storage0] = [link(2, "eth0"), link(3, "storage0")];
  assert.equal(shut([eth0, storage0]), "");
  for (const state of [NO_CABLE, DOWN]) {
    assert.equal(shut([link(2, "eth0", state), storage0]), "10.77.1.0/24,fd77::/64");
    assert.equal(shut([eth0, link(3, "storage0", state)]), "10.79.0.0/24");
  }
  assert.equal(
    shut([link(2, "eth0", NO_CABLE), storage0], ["storage*"]),
    "",
    "so it is configured",
  );
});

Deno.test("noteSubnets() forgets an interface that is gone", () => {
  const subnets: Subnets = new Map();
  noteSubnets(subnets, [link(2, "eth0")], ADDRESSES);
  assert.equal(subnets.get(2)?.length, 2);
  noteSubnets(subnets, [], ADDRESSES);
  assert.equal(subnets.size, 0);
});
