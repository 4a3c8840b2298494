import assert from "node:assert/strict";
import fc from "fast-check";
import { openTable, setOwned, slotOf, slotOf6, TABLE_BYTES } from "../../lib/neighbour/table.ts";
import { hash } from "../../lib/neighbour/hash.ts";
import { ip6 } from "../../lib/net/ip.ts";
import { writeIp6 } from "../../lib/net/octets6.ts";
import { ip4 } from "../support/addresses.ts";

Deno.test("slotOf6() answers as a set does, beside IPv4, after any run of changes", () => {
  const table = openTable(new SharedArrayBuffer(TABLE_BYTES));
  const prefix = 0x2001_0db8_0000_0000_0000_0000_0000_0000n;
  const address = fc.oneof(
    fc.nat(50).map((host) => prefix + BigInt(host)),
    fc.nat(50).map((net) => prefix + (BigInt(net) << 64n)),
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  ).map(ip6);
  fc.assert(
    fc.property(fc.uniqueArray(address, { maxLength: 60 }), fc.array(address), (owned, others) => {
      setOwned(table, [...owned, ip4(7)]);
      for (const ip of [...owned, ...others]) {
        const octets = new Uint8Array(20);
        writeIp6(octets, 3, ip);
        assert.equal(slotOf6(table, octets, 3) >= 0, owned.includes(ip));
      }
      assert.ok(slotOf(table, 7) >= 0);
      assert.equal(slotOf(table, 8), -1);
    }),
    { seed: 62, numRuns: 500 },
  );
});

Deno.test("hash() spreads addresses that differ in any octet", () => {
  for (const shift of [0, 8, 16, 24]) {
    const places = new Set(
      Array.from({ length: 256 }, (_, octet) => hash(octet << shift) & 0x7fff),
    );
    assert.ok(places.size > 250, `octet at ${shift}: ${places.size}`);
  }
});

Deno.test("setOwned() holds 16,384 IPv6 addresses of one prefix", () => {
  const table = openTable(new SharedArrayBuffer(TABLE_BYTES));
  const all = Array.from({ length: 16_384 }, (_, host) => ip6((0xfdn << 120n) + BigInt(host)));
  setOwned(table, all);
  const octets = new Uint8Array(16);
  const slots = new Set(all.map((ip) => {
    writeIp6(octets, 0, ip);
    return slotOf6(table, octets, 0);
  }));
  assert.equal(slots.size, 16_384);
  assert.ok(!slots.has(-1));
});
