import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bitsOf,
  compareIp,
  familyOf,
  formatHost,
  formatIp,
  IP4_MAX,
  ip6,
  IP6_MAX,
  isLoopback,
  isMapped,
  isUnspecified,
  parseIp,
  parseIp4,
  parseIp6,
} from "../../lib/net/ip.ts";
import { ip4 } from "../support/addresses.ts";

const anyIp4 = fc.integer({ min: 0, max: IP4_MAX }).map(ip4);
const anyIp6 = fc.oneof(
  fc.bigInt({ min: 0n, max: IP6_MAX }),
  // Many zero groups, where the compression has its rules.
  fc.array(fc.constantFrom(0n, 0n, 0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.reduce<bigint>((value, group) => (value << 16n) | group, 0n)),
).map(ip6);

function ip(text: string) {
  const parsed = parseIp(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

Deno.test("parseIp() reads both families", () => {
  for (
    const [text, value] of [
      ["0.0.0.0", 0],
      ["10.77.1.220", 0x0a4d01dc],
      ["255.255.255.255", IP4_MAX],
      ["::", 0n],
      ["::1", 1n],
      ["2001:db8::220", 0x20010db8_00000000_00000000_00000220n],
      ["2001:DB8:0:0:0:0:0:220", 0x20010db8_00000000_00000000_00000220n],
      ["::ffff:10.77.1.220", 0xffff_0a4d_01dcn],
      ["64:ff9b::192.0.2.33", 0x0064ff9b_00000000_00000000_c0000221n],
      ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", IP6_MAX],
    ] as const
  ) assert.equal(parseIp(text), value, text);
});

Deno.test("parseIp() refuses what C, Go or a person might take for an address", () => {
  for (
    const text of [
      "",
      " ",
      "10.1",
      "10.0.0",
      "10.0.0.1.2",
      "10.0.0.",
      ".10.0.0.1",
      "10..0.1",
      "256.0.0.1",
      "10.0.0.1000",
      "010.0.0.1",
      "10.0.0.00",
      "0x0a000001",
      "0xa.0.0.1",
      "167772161",
      "-1.0.0.1",
      "+1.0.0.1",
      "1e1.0.0.1",
      " 10.0.0.1",
      "10.0.0.1 ",
      "10.0.0.1\n",
      "10.0.0.1/32",
      "１0.0.0.1",
      "localhost",
      ":",
      ":::",
      "1",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      "1:2:3:4:5:6:7:8::",
      "::12345",
      "::g",
      "fe80::1%eth0",
      "[::1]",
      "::1/128",
      "::1 ",
      "::10.1",
      "::010.0.0.1",
      "::256.0.0.1",
      "::1.2.3.4:5",
      "1.2.3.4::",
      ":1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:",
      "::".padEnd(1_000_000, "0"),
    ]
  ) assert.equal(parseIp(text), undefined, JSON.stringify(text.slice(0, 50)));
  assert.equal(parseIp4("::1"), undefined);
  assert.equal(parseIp6("10.0.0.1"), undefined);
});

Deno.test("parseIp() never throws, whatever the text", () => {
  const alphabet = fc.string({
    unit: fc.constantFrom(..."0123456789abcdefABCDEF:.%/[]- x\u0660"),
    maxLength: 48,
  });
  fc.assert(
    fc.property(fc.oneof(alphabet, fc.string()), (text) => {
      const parsed = parseIp(text);
      if (parsed !== undefined) assert.equal(parseIp(formatIp(parsed)), parsed);
    }),
    { seed: 2, numRuns: 5_000 },
  );
});

Deno.test("parseIp6() takes exactly what a browser takes for a host in brackets", () => {
  // An implementation of its own (WHATWG URL), which allows no zone.
  const browser = (text: string) => URL.canParse(`http://[${text}]/`);
  const groups = fc.string({ unit: fc.constantFrom(..."01fF:::."), minLength: 1, maxLength: 20 });
  const octet = fc.constantFrom("0", "1", "01", "00", "9", "255", "256", "", "a");
  const quads = fc.array(octet, { minLength: 3, maxLength: 5 }).map((all) => `::${all.join(".")}`);
  const text = fc.oneof(groups, quads);
  fc.assert(
    fc.property(text, (text) => {
      assert.equal(parseIp6(text) !== undefined, browser(text));
    }),
    { seed: 3, numRuns: 5_000 },
  );
});

Deno.test("formatIp() and parseIp() are each other's inverse", () => {
  fc.assert(
    fc.property(fc.oneof(anyIp4, anyIp6), (value) => {
      assert.equal(parseIp(formatIp(value)), value);
    }),
    { seed: 4, numRuns: 2_000 },
  );
});

Deno.test("formatIp() writes IPv6 by RFC 5952, as a browser does", () => {
  for (
    const [text, canonical] of [
      ["2001:DB8::0001", "2001:db8::1"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
      ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
      ["0:0:0:0:0:0:0:0", "::"],
    ] as const
  ) assert.equal(formatIp(ip(text)), canonical, text);
  fc.assert(
    fc.property(anyIp6, (value) => {
      const groups = value.toString(16).padStart(32, "0").replace(/....(?!$)/g, "$&:");
      assert.equal(`[${formatIp(value)}]`, new URL(`http://[${groups}]`).hostname);
    }),
    { seed: 5, numRuns: 2_000 },
  );
});

Deno.test("ip6() refuses numbers that do not fit", () => {
  assert.equal(ip6(IP6_MAX), IP6_MAX);
  for (const value of [-1n, IP6_MAX + 1n]) assert.throws(() => ip6(value), RangeError);
});

Deno.test("compareIp() puts IPv4 before IPv6, then the lower first", () => {
  const order = ["0.0.0.0", "9.0.0.0", "10.0.0.0", "255.0.0.0", "::", "::2", "ff00::"];
  const shuffled = ["::2", "255.0.0.0", "10.0.0.0", "ff00::", "0.0.0.0", "::", "9.0.0.0"];
  assert.deepEqual(shuffled.map(ip).sort(compareIp).map(formatIp), order);
  assert.equal(compareIp(ip("10.0.0.1"), ip("10.0.0.1")), 0);
  assert.equal(compareIp(ip("::1"), ip("::1")), 0);
});

Deno.test("isLoopback(), isUnspecified() and isMapped() know their ranges' edges", () => {
  for (
    const [is, inside, outside] of [
      [isLoopback, ["127.0.0.0", "127.255.255.255", "::1"], ["126.255.255.255", "128.0.0.0", "::"]],
      [isUnspecified, ["0.0.0.0", "::"], ["0.0.0.1", "::1"]],
      [isMapped, ["::ffff:0.0.0.0", "::ffff:255.255.255.255"], [
        "10.0.0.1",
        "::fffe:ffff:ffff",
        "::1:0:0:0",
      ]],
    ] as const
  ) {
    for (const text of inside) assert.equal(is(ip(text)), true, `${is.name} ${text}`);
    for (const text of outside) assert.equal(is(ip(text)), false, `${is.name} ${text}`);
  }
});

Deno.test("familyOf() and bitsOf() tell the families apart", () => {
  assert.deepEqual([ip("0.0.0.0"), ip("::")].map(familyOf), [4, 6]);
  assert.deepEqual([bitsOf(4), bitsOf(6)], [32, 128]);
});

Deno.test("formatHost() puts IPv6 into brackets, and nothing else", () => {
  assert.deepEqual(["fe80::1", "10.0.0.1", "localhost"].map(formatHost), [
    "[fe80::1]",
    "10.0.0.1",
    "localhost",
  ]);
});
