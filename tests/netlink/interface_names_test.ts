import assert from "node:assert/strict";
import fc from "fast-check";
import { CONTAINER_INTERFACES, matchesInterface } from "../../lib/netlink/interface_names.ts";

/** `announcedInterfacesToExclude` of MetalLB's `excludel2.yaml`, letter by letter. */
const METALLB = [
  "^docker.*",
  "^cbr.*",
  "^dummy.*",
  "^virbr.*",
  "^lxcbr.*",
  "^veth.*",
  "^lo$",
  "^cali.*",
  "^tunl.*",
  "^flannel.*",
  "^kube-ipvs.*",
  "^cni.*",
  "^nodelocaldns.*",
  "^lxc.*",
].map((text) => new RegExp(text));

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
    ["docker0", [], false],
    ["lo", [], false],
    ["lo0", [], true],
    ["br0", [], true],
    ["cni0", ["!eth1"], false],
    ["cni0", ["eth0", "cni0"], true],
    ["cali1", ["*"], true],
    ["cali1", ["*", "!cali*"], false],
  ] as const
) {
  Deno.test(`matchesInterface() ${matches ? "takes" : "leaves"} ${name} by ${patterns.join() || "no pattern"}`, () => {
    assert.equal(matchesInterface(name, patterns), matches);
  });
}

/** What Linux takes as a name: up to 15 characters, no blank, `/` or `:`, and no dot alone. */
const CHARACTERS = [..."abcdefghijklmnopqrstuvwxyzABCXYZ0123456789.-_@+$^*?()[]\\"];
const suffix = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 8 });
const beginnings = [
  ...CONTAINER_INTERFACES.map((pattern) => pattern.replace("*", "")),
  ...["eth", "en", "bond", "br", "vmbr", "team", "wlan", "vlan", "xcali", "doc", "l", ""],
];
const linuxName = fc.tuple(fc.constantFrom(...beginnings), suffix)
  .map((parts) => parts.join("").slice(0, 15))
  .filter((name) => !["", ".", ".."].includes(name));

Deno.test("N2: matchesInterface() without patterns shuts out exactly what MetalLB's list shuts out", () => {
  fc.assert(
    fc.property(linuxName, (name) => {
      assert.equal(matchesInterface(name, []), !METALLB.some((one) => one.test(name)), name);
    }),
    { seed: 14, numRuns: 5_000 },
  );
});

Deno.test("matchesInterface() lets in by name what its list shuts out, and shuts out no other for that", () => {
  const exact = linuxName.filter((name) => !/[*?]/.test(name) && !name.startsWith("!"));
  fc.assert(
    fc.property(exact, exact, (named, other) => {
      assert.ok(matchesInterface(named, [named]), "named");
      assert.ok(matchesInterface(named, ["*"]), "all");
      assert.ok(!matchesInterface(named, [`!${named}`]), "shut out");
      assert.ok(!matchesInterface(named, ["*", `!${named}`]), "shut out of all");
      if (named === other) return;
      assert.ok(!matchesInterface(other, [named]), "another");
      assert.equal(matchesInterface(other, [`!${named}`]), matchesInterface(other, []));
    }),
    { seed: 14, numRuns: 2_000 },
  );
});
