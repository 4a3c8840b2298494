import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import {
  nextHopsAt,
  routerIdAt,
  routerIdOfName,
} from "../../../../lib/host/linux/bgp/local_addresses.ts";
import { formatIp, ip6 } from "../../../../lib/net/ip.ts";
import { ip4 } from "../../../support/addresses.ts";

const GLOBAL = ip6((0x2001_0db8n << 96n) | 7n);

Deno.test("B13: the identifier is our IPv4 address, else one made of the node's name, always the same", () => {
  assert.equal(routerIdAt(ip4(0x0a4d010b), "n1"), ip4(0x0a4d010b));
  const made = routerIdAt(GLOBAL, "n1");
  for (let turn = 0; turn < 100; turn++) assert.equal(routerIdAt(GLOBAL, "n1"), made);
  const sum = crc32("n1");
  const octets = [sum & 255, (sum >>> 8) & 255, (sum >>> 16) & 255, sum >>> 24];
  assert.equal(formatIp(made), octets.join("."), "MetalLB's way: least significant octet first");
  assert.notEqual(routerIdOfName(""), 0, "the sum of nothing is 0, which is no identifier");
});

Deno.test("over IPv6 the interface's IPv4 address is the identifier and the next hop of IPv4", () => {
  assert.equal(routerIdAt(ip6(1n), "n1"), ip4(0x7f000001), "loopback has both");
  assert.equal(nextHopsAt(ip6(1n)).nextHop4, ip4(0x7f000001));
});

Deno.test("a next hop is our end; a family that is not there has none", () => {
  assert.deepEqual(nextHopsAt(GLOBAL), { nextHop4: undefined, nextHops6: [GLOBAL] });
  assert.deepEqual(nextHopsAt(ip4(0xc0000201)), { nextHop4: ip4(0xc0000201), nextHops6: [] });
  const local = ip6((0xfe80n << 112n) | 1n);
  assert.deepEqual(nextHopsAt(local).nextHops6, [local]);
});
