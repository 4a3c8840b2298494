import assert from "node:assert/strict";
import { configFromConfigMap } from "../../lib/config/manifest.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { reported } from "../../lib/config/report.ts";
import { formatIp } from "../../lib/net/ip.ts";

/** `LINE:COL message; hint` of each problem. */
function problems(text: string): string[] {
  const { config, problems } = parseConfig(text, "c.yaml");
  const errors = problems.filter(({ severity }) => severity === "error");
  assert.equal(config === undefined, errors.length > 0);
  return problems.map(reported).map(({ line, column, message, hint }) =>
    `${line}:${column} ${message}${hint ? `; ${hint}` : ""}`
  );
}

/** A text that gives exactly one problem, which says this. */
function refuses(text: string, pattern: RegExp): void {
  const found = problems(text);
  assert.equal(found.length, 1, `${JSON.stringify(text.slice(0, 80))}: ${JSON.stringify(found)}`);
  assert.match(found[0] ?? "", pattern);
}

const POOL = "address-pools:\n- name: a\n  protocol: layer2\n  addresses: [10.0.0.0/24]\n";

/** A pool of these addresses, each in a line of its own from line 5 on. */
function addresses(...entries: string[]): string {
  return `address-pools:\n- name: a\n  protocol: layer2\n  addresses:\n${
    entries.map((one) => `  - ${one}\n`).join("")
  }`;
}

Deno.test("2.1.1: a text without content is an error that says how to have no pools; {} is fine", () => {
  for (const text of ["", "\n", "# only a comment\n", "---\n", "\ufeff"]) {
    refuses(text, /no configuration in it; write \{\}/);
  }
  for (const text of ["{}", "{}\n", "address-pools: []\n", "peers:\n"]) {
    assert.deepEqual(problems(text), []);
  }
});

Deno.test("2.1.2: NUL, UTF-16 and broken UTF-8 are refused with their offset; a mark and CRLF are accepted", () => {
  refuses("a: \0b\n", /^1:4 control character U\+0000 at offset 3/);
  const utf16 = new TextDecoder().decode(new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3a, 0]));
  refuses(utf16, /^1:\d (control character|bytes that are no UTF-8)/);
  refuses("a: \ud800\n", /^1:4 bytes that are no UTF-8 text at offset 3/);
  assert.deepEqual(problems(`\ufeff${POOL}`), []);
  assert.deepEqual(problems(POOL.replaceAll("\n", "\r\n")), []);
  refuses(
    `\ufeff${POOL.replace("name", "nmae")}`.replaceAll("\n", "\r\n"),
    /^2:3 unknown key "nmae"/,
  );
});

Deno.test("2.1.3: a key that stands twice is refused with both lines", () => {
  refuses(
    POOL.replace("  protocol", "  name: b\n  protocol"),
    /^3:3 the key "name" stands here again, the first is in line 2/,
  );
});

Deno.test("2.1.4: an unknown key is refused at its place with the one that is meant", () => {
  refuses(
    POOL.replace("addresses", "adresses"),
    /^4:3 unknown key "adresses" in a pool; did you mean "addresses"\?/,
  );
  refuses(
    `pools: []\n${POOL}`,
    /^1:1 unknown key "pools" in the configuration; there is "peers", "address-pools"/,
  );
});

Deno.test("2.1.5: a second document is refused", () => {
  refuses(`${POOL}---\n${POOL}`, /a second document begins here/);
});

Deno.test("2.1.6, 2.1.7: bombs of aliases and of depth are refused, whatever their form", () => {
  let bomb = "l0: &l0 [x,x,x,x,x,x,x,x,x]\n";
  for (let level = 1; level < 9; level++) {
    bomb += `l${level}: &l${level} [${
      Array.from({ length: 9 }, () => `*l${level - 1}`).join(",")
    }]\n`;
  }
  assert.ok(problems(bomb).some((one) => /more than 10000 values/.test(one)));
  const depth = 10_000;
  const forms = [
    "[".repeat(depth),
    `${"[".repeat(depth)}${"]".repeat(depth)}`,
    "{a: ".repeat(depth),
    "- ".repeat(depth),
    `${"- ".repeat(depth)}x`,
    Array.from({ length: 3_000 }, (_, level) => `${" ".repeat(level)}a:`).join("\n"),
    "? ".repeat(depth),
    `a: ${"!!x ".repeat(depth)}`,
    `a: ${"&a ".repeat(depth)}`,
  ];
  for (const text of forms) assert.ok(problems(text).length > 0, text.slice(0, 20));
  assert.ok(problems("a".repeat(2 * 1024 * 1024)).some((one) => /characters, at most/.test(one)));
  assert.ok(
    problems(`a: [${"x,".repeat(10_001)}]`).some((one) => /more than 10000 values/.test(one)),
  );
});

Deno.test("2.1.8: keys that reach into JavaScript's objects are refused and change nothing", () => {
  for (const key of ["__proto__", "constructor", "prototype"]) {
    const found = problems(`${key}: { polluted: yes }\n${POOL}`);
    assert.deepEqual(found, [`1:1 the key "${key}" is not allowed`]);
  }
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});

Deno.test("2.1.9: what looks like another type is what its field says", () => {
  const { config } = parseConfig(POOL.replace("name: a", "name: yes"), "c");
  assert.equal(config?.pools[0]?.name, "yes");
  assert.equal(
    parseConfig(POOL.replace("name: a", "name: 010"), "c").config?.pools[0]?.name,
    "010",
  );
  const peer = (asn: string) =>
    `peers:\n- peer-address: 10.0.0.1\n  my-asn: ${asn}\n  peer-asn: 64512\n`;
  for (const asn of ["0x10", "010", "1e3", "1_000", "+5", "1.0", '"7"', "yes", "0o17", ".inf"]) {
    refuses(peer(asn), /^3:11 "my-asn" must be a number from 1 to 4294967295/);
  }
  refuses(peer("4294967296"), /allowed is 1 to 4294967295/);
  for (const word of ["yes", "on", "True", "y"]) {
    assert.equal(
      parseConfig(`${POOL}  avoid-buggy-ips: ${word}\n`, "c").config?.pools[0]?.avoidBuggyIps,
      true,
      word,
    );
  }
  for (const word of ["no", "off", "FALSE", "n"]) {
    assert.equal(
      parseConfig(`${POOL}  auto-assign: ${word}\n`, "c").config?.pools[0]?.autoAssign,
      false,
      word,
    );
  }
  refuses(`${POOL}  auto-assign: 0\n`, /^5:16 "auto-assign" must be true or false/);
});

Deno.test("2.1.10: a community without quotes is text, never a number of base 60", () => {
  const text = (community: string) =>
    `address-pools:\n- name: a\n  protocol: bgp\n  addresses: [10.0.0.0/24]\n  bgp-advertisements:\n  - communities: [${community}]\n`;
  const { config } = parseConfig(text("64512:55"), "c");
  assert.deepEqual(config?.bgp[0]?.communities, [64512 * 65536 + 55]);
  refuses(text("70000:1"), /^6:19 "70000:1" is no community/);
  refuses(text("no-export"), /^6:19 community "no-export" is not defined/);
  refuses(
    `${text("no-exprot")}bgp-communities:\n  no-export: 65535:65281\n`,
    /did you mean "no-export"\?/,
  );
  refuses(text("1:1, 1:1"), /the community "1:1" stands here again/);
});

Deno.test("2.1.11: a range that ends before it begins is refused, with the right one", () => {
  refuses(
    addresses("10.0.0.9-10.0.0.1"),
    /^5:5 "10\.0\.0\.9-10\.0\.0\.1" ends before it begins; write 10\.0\.0\.1-10\.0\.0\.9/,
  );
});

Deno.test("2.1.12: each address that cannot be is refused for its own reason", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["10.0.0.0/33", /has the length "33", allowed is 0 to 32/],
    ["fd00::/129", /has the length "129", allowed is 0 to 128/],
    ["10.0.0.1-fd00::1", /begins with IPv4 and ends with IPv6/],
    ["::ffff:10.0.0.0/104", /IPv4-mapped/],
    ["fe80::1%eth0/64", /no IP address; a zone/],
    ["224.0.0.0/24", /multicast/],
    ["ff02::/64", /multicast/],
    ["127.0.0.0/30", /loopback/],
    ["::1-::2", /loopback/],
    ["0.0.0.0/0", /holds loopback|holds unspecified|holds multicast/],
    ["::/0", /holds (unspecified|loopback|multicast)/],
    ["255.255.255.255/32", /broadcast/],
    ["10.0.0.1", /has no length; write 10\.0\.0\.1\/32/],
    ["fd00::1", /has no length; write fd00::1\/128/],
    ["010.0.0.0/24", /no IP address; write four decimal numbers/],
    ["10.1/16", /no IP address/],
    ["0x0a000000/8", /no IP address/],
    ["10.0.0.0/024", /has the length "024"/],
    ["10.0.0.0/-1", /mixes a range and a prefix/],
    ["10.0.0.1-10.0.0.2-10.0.0.3", /no IP address/],
    ["nonsense", /no IP address/],
    ["10.0.0.256-10.0.1.0", /no IP address/],
    ["{}", /an address must be/],
  ];
  for (const [entry, pattern] of rows) refuses(addresses(entry), pattern);
  const parsed = parseConfig(addresses("10.0.0.5/24"), "c");
  assert.match(parsed.problems[0]?.message ?? "", /host bits, it means 10\.0\.0\.0\/24/);
  assert.equal(parsed.problems[0]?.severity, "warning");
  assert.equal(formatIp(parsed.config?.pools[0]?.ranges[0]?.first ?? 0n as never), "10.0.0.0");
  assert.deepEqual(problems(addresses("10.0.0.1 - 10.0.0.9", '"fd00::/64"')), []);
});

Deno.test("2.2.1, 2.2.2, 2.2.4: the ConfigMap around the text", () => {
  const read = (object: unknown) => {
    const { config, problems } = configFromConfigMap(object, "configmap ns/config key config");
    return { config, texts: problems.map(({ message, severity }) => `${severity} ${message}`) };
  };
  for (
    const object of [
      {},
      { data: null },
      { data: { other: "x" } },
      { binaryData: { config: "eA==" } },
      { data: { config: 7 } },
      undefined,
      7,
    ]
  ) {
    const { config, texts } = read(object);
    assert.equal(config, undefined);
    assert.match(texts.join(), /has no key "config"|only binaryData/);
  }
  const both = read({ data: { config: POOL, "config.yaml": "{}" } });
  assert.ok(both.config);
  assert.deepEqual(both.texts, ['warning only the key "config" is read, not "config.yaml"']);
});

Deno.test("2.2.9 to 2.2.12: rules across the text", () => {
  refuses(
    addresses("10.0.0.0/24", "10.0.0.128-10.0.1.5"),
    /^6:5 "10\.0\.0\.128-10\.0\.1\.5" overlaps "10\.0\.0\.0\/24" of pool "a", the first is in line 5/,
  );
  refuses(
    `${POOL}- name: a\n  protocol: bgp\n  addresses: [10.1.0.0/24]\n`,
    /^5:9 a pool named "a" stands here again, the first is in line 2/,
  );
  const peer = "- peer-address: 10.0.0.1\n  my-asn: 1\n  peer-asn: 2\n";
  refuses(`peers:\n${peer}  bfd-profile: fast\n`, /bfd-profile "fast" is not defined/);
  refuses(`peers:\n${peer}${peer}`, /an equal peer stands here again/);
  const profile = (more: string) => `bfd-profiles:\n- name: fast\n  ${more}\n`;
  for (
    const bad of [
      "detect-multiplier: 1",
      "detect-multiplier: 256",
      "receive-interval: 9",
      "transmit-interval: 60001",
      "minimum-ttl: 0",
      "minimum-ttl: 255",
      "echo-interval: 5",
    ]
  ) {
    refuses(profile(bad), /allowed is \d+ to \d+/);
  }
  refuses(`peers:\n${peer}  password: "${"x".repeat(81)}"\n`, /more than 80 bytes/);
  refuses(`peers:\n${peer}  password: "a\\nb"\n`, /holds a line break/);
});

Deno.test("peers: timers, identifiers and ports that cannot be are refused at their place", () => {
  const peer = (more: string) =>
    `peers:\n- peer-address: 10.0.0.1\n  my-asn: 64512\n  peer-asn: 64513\n  ${more}\n`;
  const rows: readonly (readonly [string, RegExp])[] = [
    ["hold-time: 2s", /^5:14 "hold-time" must be 0 or 3s to 65535s/],
    ["hold-time: 65536s", /65535s/],
    ["hold-time: 90", /must be a duration, not "90"; write 90s/],
    ["hold-time: -5s", /must be a duration/],
    ["hold-time: NaNs", /must be a duration/],
    ["keepalive-time: 100s", /above the hold time of 90s/],
    ["keepalive-time: 0s", /would let the session expire/],
    ["router-id: 2001:db8::1", /must be an IPv4 address/],
    ["router-id: 0.0.0.0", /other than 0\.0\.0\.0/],
    ["router-id: 1.2.3", /must be an IPv4 address/],
    ["peer-port: 65536", /allowed is 0 to 65535/],
    ["source-address: fd00::1", /is IPv6 and the peer IPv4/],
    ["source-address: eth0", /must be an IP address/],
    ["node-selectors: {}", /must be a list/],
    [
      "node-selectors: [{match-label: {a: b}}]",
      /unknown key "match-label".*did you mean "match-labels"/,
    ],
    ["node-selectors: [{match-labels: {a: 'b c'}}]", /no value of a label/],
    [
      "node-selectors: [{match-expressions: [{key: a, operator: in, values: [b]}]}]",
      /must be In or NotIn.*did you mean "In"/,
    ],
    [
      "node-selectors: [{match-expressions: [{key: a, operator: In}]}]",
      /operator In needs "values"/,
    ],
    [
      "node-selectors: [{match-expressions: [{key: a, operator: Exists, values: [b]}]}]",
      /takes no "values"/,
    ],
  ];
  for (const [more, pattern] of rows) refuses(peer(more), pattern);
  refuses(peer("ebgp-multihop: true").replace("64513", "64512"), /both are 64512/);
  for (const key of ["my-asn", "peer-asn", "peer-address"]) {
    const text = peer("peer-port: 0").replace(
      new RegExp(`${key}: \\S+`),
      `${key === "my-asn" ? "peer-port" : "hold-time"}: ${key === "my-asn" ? "1" : "0"}`,
    ).replace("\n  peer-port: 0\n", "\n");
    assert.ok(problems(text).some((one) => one.includes(`the peer has no "${key}"`)), text);
  }
  const { config } = parseConfig(peer("hold-time: 1m30.9s\n  peer-port: 0"), "c");
  assert.deepEqual([
    config?.peers[0]?.holdTimeMs,
    config?.peers[0]?.keepaliveTimeMs,
    config?.peers[0]?.peerPort,
  ], [90_000, 30_000, 179]);
});

Deno.test("pools: what BGP pools and layer 2 pools may have", () => {
  const pool = (protocol: string, entry: string, advertisement: string) =>
    `address-pools:\n- name: a\n  protocol: ${protocol}\n  addresses: [${entry}]\n  bgp-advertisements:\n  - ${advertisement}\n`;
  refuses(
    pool("layer2", "10.0.0.0/24", "localpref: 1"),
    /^5:3 a pool of protocol layer2 has no "bgp-advertisements"/,
  );
  refuses(pool("bgp", "10.0.0.0/24", "aggregation-length: 33"), /allowed is 0 to 32/);
  refuses(
    pool("bgp", "10.0.0.0/24", "aggregation-length: 23"),
    /would announce more than 10\.0\.0\.0\/24.*write 24 or more/,
  );
  refuses(pool("bgp", "10.0.0.0-10.0.0.130", "aggregation-length: 24"), /largest piece is a \/25/);
  refuses(pool("bgp", "fd00::/64", "aggregation-length-v6: 63"), /write 64 or more/);
  assert.deepEqual(problems(pool("bgp", "10.0.0.0/24", "aggregation-length: 24")), []);
  refuses(pool("bgp", "10.0.0.0/24", "localpref: 4294967296"), /allowed is 0 to 4294967295/);
  refuses(
    pool("bgp", "10.0.0.0/24", "localpref: 1\n  - localpref: 1"),
    /an equal advertisement stands here again/,
  );
  refuses("address-pools:\n- name: a\n  protocol: layer2\n", /the pool has no "addresses"/);
  refuses(
    "address-pools:\n- protocol: layer2\n  addresses: [10.0.0.0/24]\n",
    /the pool has no "name"/,
  );
  refuses("address-pools:\n- name: a\n  addresses: [10.0.0.0/24]\n", /the pool has no "protocol"/);
  refuses("address-pools: {}\n", /must be a list/);
  refuses("- a\n", /the configuration must be a map/);
});

Deno.test("all mistakes of a text come at once, in its order, and none twice", () => {
  const text = `peers:
- peer-address: nowhere
  my-asn: 0
  peer-asn: 64513
  hold-tme: 90s
address-pools:
- name: a
  protocol: layer3
  addresses: [10.0.0.9-10.0.0.1, 10.0.0.0/24]
`;
  assert.deepEqual(problems(text).map((one) => one.split(" ")[0]), [
    "2:17",
    "3:11",
    "5:3",
    "8:13",
    "9:15",
  ]);
});
