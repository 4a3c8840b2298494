import assert from "node:assert/strict";
import fc from "fast-check";
import { bitsOf, familyOf, formatIp, IP4_MAX, ip6, IP6_MAX, parseIp } from "../../lib/net/ip.ts";
import {
  formatPrefix,
  lastIp,
  maskIp,
  parsePrefix,
  type Prefix,
  prefixAround,
  prefixContains,
} from "../../lib/net/prefix.ts";
import { ip } from "../controller/fixture.ts";
import { ip4 } from "../support/addresses.ts";

const anyIp = fc.oneof(
  fc.integer({ min: 0, max: IP4_MAX }).map(ip4),
  fc.bigInt({ min: 0n, max: IP6_MAX }).map(ip6),
);
const anyPrefix = fc.tuple(anyIp, fc.nat(128)).map(([ip, length]): Prefix => {
  const cut = Math.min(length, bitsOf(familyOf(ip)));
  return { address: maskIp(ip, cut), length: cut };
});

Deno.test("parsePrefix() cuts host bits and says so", () => {
  for (
    const [text, canonical, hostBitsCut] of [
      ["10.77.1.0/24", "10.77.1.0/24", false],
      ["10.0.0.9/24", "10.0.0.0/24", true],
      ["255.255.255.255/0", "0.0.0.0/0", true],
      ["0.0.0.0/0", "0.0.0.0/0", false],
      ["10.0.0.9/32", "10.0.0.9/32", false],
      ["192.168.255.255/17", "192.168.128.0/17", true],
      ["2001:db8::/32", "2001:db8::/32", false],
      ["2001:db8:ffff::1/33", "2001:db8:8000::/33", true],
      ["::1/128", "::1/128", false],
      ["ffff::/0", "::/0", true],
    ] as const
  ) {
    const parsed = parsePrefix(text);
    assert.ok(typeof parsed !== "string", `${text}: ${parsed}`);
    assert.equal(formatPrefix(parsed.prefix), canonical, text);
    assert.equal(parsed.hostBitsCut, hostBitsCut, text);
  }
});

Deno.test("parsePrefix() says what is wrong", () => {
  for (
    const [text, mistake] of [
      ["10.0.0.1", "no-length"],
      ["", "no-length"],
      ["/", "bad-address"],
      ["/24", "bad-address"],
      ["10.0.0/24", "bad-address"],
      ["010.0.0.0/24", "bad-address"],
      ["fe80::1%eth0/64", "bad-address"],
      ["10.0.0.0 /24", "bad-address"],
      ["10.0.0.0/", "bad-length"],
      ["10.0.0.0/33", "bad-length"],
      ["10.0.0.0/024", "bad-length"],
      ["10.0.0.0/-1", "bad-length"],
      ["10.0.0.0/+8", "bad-length"],
      ["10.0.0.0/ 24", "bad-length"],
      ["10.0.0.0/24/24", "bad-length"],
      ["10.0.0.0/255.255.255.0", "bad-length"],
      ["10.0.0.0/1e1", "bad-length"],
      ["::/129", "bad-length"],
      ["::/1000000", "bad-length"],
    ] as const
  ) assert.equal(parsePrefix(text), mistake, text);
});

Deno.test("formatPrefix() and parsePrefix() are each other's inverse", () => {
  fc.assert(
    fc.property(anyPrefix, (prefix) => {
      assert.deepEqual(parsePrefix(formatPrefix(prefix)), { prefix, hostBitsCut: false });
    }),
    { seed: 6, numRuns: 2_000 },
  );
});

Deno.test("maskIp() clears the host bits and leaves the others", () => {
  fc.assert(
    fc.property(anyIp, fc.nat(128), (ip, wanted) => {
      const bits = bitsOf(familyOf(ip));
      const length = Math.min(wanted, bits);
      const text = (value: bigint) => value.toString(2).padStart(bits, "0");
      assert.equal(
        text(BigInt(maskIp(ip, length))),
        text(BigInt(ip)).slice(0, length).padEnd(bits, "0"),
      );
    }),
    { seed: 7, numRuns: 2_000 },
  );
});

Deno.test("lastIp() sets the host bits", () => {
  const last = (text: string) => {
    const parsed = parsePrefix(text);
    assert.ok(typeof parsed !== "string");
    return formatIp(lastIp(parsed.prefix));
  };
  assert.equal(last("10.77.1.0/24"), "10.77.1.255");
  assert.equal(last("10.0.0.9/32"), "10.0.0.9");
  assert.equal(last("0.0.0.0/0"), "255.255.255.255");
  assert.equal(last("2001:db8::/64"), "2001:db8::ffff:ffff:ffff:ffff");
  assert.equal(last("::/0"), formatIp(ip6(IP6_MAX)));
  fc.assert(
    fc.property(anyPrefix, (prefix) => {
      const end = lastIp(prefix);
      assert.equal(familyOf(end), familyOf(prefix.address));
      assert.equal(maskIp(end, prefix.length), prefix.address);
      assert.equal(parseIp(formatIp(end)), end);
      assert.equal(
        BigInt(end) - BigInt(prefix.address) + 1n,
        1n << BigInt(bitsOf(familyOf(end)) - prefix.length),
      );
    }),
    { seed: 8 },
  );
});

Deno.test("prefixContains() is true for the prefix's own addresses, and for none of the other family", () => {
  const prefix = { address: ip("10.77.1.0"), length: 24 };
  assert.deepEqual(
    ["10.77.1.0", "10.77.1.255", "10.77.2.0", "10.77.0.255", "::a4d:100"].map((text) =>
      prefixContains(prefix, ip(text))
    ),
    [true, true, false, false, false],
  );
  assert.ok(prefixContains({ address: ip("fd77::"), length: 64 }, ip("fd77::1:2")));
});

Deno.test("prefixAround() has both in it, and none that is longer has", () => {
  const prefixes = fc.oneof(
    fc.tuple(fc.integer({ min: 0, max: IP4_MAX }).map(ip4), fc.nat(32)),
    fc.tuple(fc.bigInt({ min: 0n, max: IP6_MAX }).map(ip6), fc.nat(128)),
  ).map(([address, length]) => ({ address: maskIp(address, length), length }));
  fc.assert(fc.property(prefixes, prefixes, (one, other) => {
    const around = prefixAround(one, other);
    assert.equal(around === undefined, familyOf(one.address) !== familyOf(other.address));
    if (around === undefined) return;
    const holds = (length: number) =>
      length <= Math.min(one.length, other.length) &&
      maskIp(one.address, length) === maskIp(other.address, length);
    assert.deepEqual(around.address, maskIp(one.address, around.length));
    assert.ok(holds(around.length) && !holds(around.length + 1), formatPrefix(around));
  }));
});
