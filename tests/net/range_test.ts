import assert from "node:assert/strict";
import fc from "fast-check";
import { IP4_MAX, ip6, IP6_MAX, parseIp } from "../../lib/net/ip.ts";
import {
  type AddressRange,
  isBuggy,
  nextIp,
  prefixLengths,
  rangeContains,
  rangeSize,
  rangesOverlap,
} from "../../lib/net/range.ts";
import { ip4 } from "../support/addresses.ts";

function ip(text: string) {
  const parsed = parseIp(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

function range(text: string): AddressRange {
  const [first = "", last = first] = text.split("-");
  return { first: ip(first), last: ip(last), text };
}

const smallRange = fc.tuple(fc.nat(60), fc.nat(60)).map(([a, b]): AddressRange => ({
  first: ip4(Math.min(a, b)),
  last: ip4(Math.max(a, b)),
  text: "",
}));

Deno.test("rangeSize() counts both ends, beyond what a number holds too", () => {
  assert.equal(rangeSize(range("10.0.0.1-10.0.0.1")), 1n);
  assert.equal(rangeSize(range("10.0.0.240-10.0.1.15")), 32n);
  assert.equal(rangeSize(range("0.0.0.0-255.255.255.255")), 1n << 32n);
  assert.equal(rangeSize({ first: ip6(0n), last: ip6(IP6_MAX), text: "" }), 1n << 128n);
});

Deno.test("rangeContains() holds its ends and nothing beside them, nor the other family", () => {
  const pool = range("10.0.0.240-10.0.1.15");
  for (const inside of ["10.0.0.240", "10.0.0.255", "10.0.1.0", "10.0.1.15"]) {
    assert.ok(rangeContains(pool, ip(inside)), inside);
  }
  for (const outside of ["10.0.0.239", "10.0.1.16", "0.0.0.0", "::10.0.1.0"]) {
    assert.ok(!rangeContains(pool, ip(outside)), outside);
  }
  assert.ok(!rangeContains(range("::-::ffff:ffff"), ip("0.0.0.1")));
});

Deno.test("rangesOverlap() says whether any address is in both", () => {
  fc.assert(
    fc.property(smallRange, smallRange, (a, b) => {
      const common = Array.from({ length: 61 }, (_, value) => ip4(value))
        .some((address) => rangeContains(a, address) && rangeContains(b, address));
      assert.equal(rangesOverlap(a, b), common);
      assert.equal(rangesOverlap(b, a), common);
    }),
    { seed: 9, numRuns: 500 },
  );
  assert.ok(!rangesOverlap(range("0.0.0.0-255.255.255.255"), range("::-::ffff")));
});

Deno.test("nextIp() goes up by one and ends with the family", () => {
  assert.equal(nextIp(ip("10.0.0.255")), ip("10.0.1.0"));
  assert.equal(nextIp(ip("127.255.255.255")), ip("128.0.0.0"));
  assert.equal(nextIp(ip("2001:db8::ffff")), ip("2001:db8::1:0"));
  assert.equal(nextIp(ip4(IP4_MAX)), undefined);
  assert.equal(nextIp(ip6(IP6_MAX)), undefined);
});

Deno.test("isBuggy() means IPv4 addresses that end in .0 and .255", () => {
  for (const text of ["10.0.0.0", "10.0.0.255", "255.255.255.255"]) assert.ok(isBuggy(ip(text)));
  for (const text of ["10.0.0.1", "10.0.0.254", "10.255.0.128", "::", "::ff", "2001:db8::"]) {
    assert.ok(!isBuggy(ip(text)), text);
  }
});

Deno.test("prefixLengths() covers a range by the fewest prefixes", () => {
  for (
    const [text, lengths] of [
      ["10.0.0.0-10.0.0.255", [24]],
      ["10.0.0.0-10.0.1.255", [23]],
      ["10.0.1.0-10.0.2.255", [24, 24]],
      ["10.0.0.1-10.0.0.1", [32]],
      ["10.0.0.1-10.0.0.6", [31, 31, 32, 32]],
      ["10.77.1.220-10.77.1.229", [30, 30, 31]],
      ["0.0.0.0-255.255.255.255", [0]],
      ["0.0.0.1-255.255.255.254", [...pairs(2, 31), 32, 32]],
      ["2001:db8::-2001:db8::ffff", [112]],
      ["::1-::2", [128, 128]],
    ] as const
  ) assert.deepEqual(prefixLengths(range(text)), lengths, text);
});

function pairs(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, step) => [from + step, from + step]).flat();
}

Deno.test("prefixLengths() adds up to the range, shortest first", () => {
  fc.assert(
    fc.property(fc.nat(IP4_MAX), fc.nat(IP4_MAX), (a, b) => {
      const found = { first: ip4(Math.min(a, b)), last: ip4(Math.max(a, b)), text: "" };
      const lengths = prefixLengths(found);
      const sum = lengths.reduce((total, length) => total + (1n << BigInt(32 - length)), 0n);
      assert.equal(sum, rangeSize(found));
      assert.deepEqual(lengths, lengths.toSorted((x, y) => x - y));
      assert.ok(lengths.length <= 62);
    }),
    { seed: 10, numRuns: 1_000 },
  );
});
