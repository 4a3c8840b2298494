import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ipBytes,
  type Nlri,
  prefixBytes,
  readIp,
  scanNlri,
  writePrefix,
} from "../../lib/bgp/nlri.ts";
import { bitsOf, type Family, type Ip, ip6 } from "../../lib/net/ip.ts";
import { maskIp, type Prefix } from "../../lib/net/prefix.ts";
import { prefixesOf } from "./codec.ts";
import { ip4 } from "../support/addresses.ts";

const address: fc.Arbitrary<Ip> = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => ip4(value)),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => ip6(value)),
);
const prefix: fc.Arbitrary<Prefix> = fc.tuple(address, fc.nat(128)).map(([ip, bits]) => {
  const length = Math.min(bits, bitsOf(typeof ip === "number" ? 4 : 6));
  return { address: maskIp(ip, length), length };
});

function scanned(family: Family, bytes: Uint8Array): Nlri {
  const found = scanNlri(family, bytes);
  assert.ok(typeof found !== "string");
  return found;
}

Deno.test("writePrefix() writes what a receiver reads, for both families and every length", () => {
  fc.assert(
    fc.property(prefix, (one) => {
      const bytes = new Uint8Array(20);
      const end = writePrefix(bytes, 1, one);
      assert.equal(end, 1 + prefixBytes(one.length));
      const family = typeof one.address === "number" ? 4 : 6;
      assert.deepEqual(prefixesOf(scanned(family, bytes.subarray(1, end))), [one]);
    }),
    { seed: 7, numRuns: 2000 },
  );
});

Deno.test("readIp() gives what ipBytes() wrote", () => {
  fc.assert(
    fc.property(address, (ip) => {
      assert.equal(readIp(typeof ip === "number" ? 4 : 6, ipBytes(ip), 0), ip);
    }),
    { seed: 7 },
  );
});

Deno.test("2.6-11: scanNlri() names a length above the family's, and a prefix that is cut", () => {
  assert.equal(scanNlri(4, Uint8Array.of(33, 1, 2, 3, 4, 5)), "bad-prefix-length");
  assert.equal(scanNlri(6, Uint8Array.of(129)), "bad-prefix-length");
  assert.equal(scanNlri(4, Uint8Array.of(24, 10, 0)), "truncated");
});
