import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";
import { formatIp, parseIp, parseIp4 } from "../../lib/net/ip.ts";

Deno.test("a peer has MetalLB's defaults", () => {
  const { config } = parseConfig(
    "peers: [{peer-address: fd00::1, my-asn: 4294967295, peer-asn: 1}]",
    "c",
  );
  assert.deepEqual(config?.peers, [{
    myAsn: 4294967295,
    peerAsn: 1,
    peerAddress: parseIp("fd00::1"),
    sourceAddress: undefined,
    peerPort: 179,
    holdTimeMs: 90_000,
    keepaliveTimeMs: 30_000,
    routerId: undefined,
    password: undefined,
    bfdProfile: undefined,
    ebgpMultihop: false,
    peerInterface: undefined,
    passwordFile: undefined,
    ttlSecurity: false,
    gracefulRestart: false,
    nodeSelectors: [],
  }]);
});

Deno.test("each key of a peer has its effect", () => {
  const text = `peers:
- peer-address: 10.0.0.1
  source-address: 10.0.0.2
  peer-port: 1179
  my-asn: 64512
  peer-asn: 64513
  hold-time: 1m40s
  keepalive-time: 20s
  router-id: 10.1.1.1
  password: p4ss
  bfd-profile: fast
  ebgp-multihop: on
  node-selectors: [{match-labels: {a: b}}]
bfd-profiles: [{name: fast}]
`;
  const [peer] = parseConfig(text, "c").config?.peers ?? [];
  assert.ok(peer?.sourceAddress !== undefined);
  assert.equal(formatIp(peer.sourceAddress), "10.0.0.2");
  assert.equal(peer.routerId, parseIp4("10.1.1.1"));
  const { peerPort, holdTimeMs, keepaliveTimeMs, password, bfdProfile, ebgpMultihop } = peer;
  assert.deepEqual([peerPort, holdTimeMs, keepaliveTimeMs, password, bfdProfile, ebgpMultihop], [
    1179,
    100_000,
    20_000,
    "p4ss",
    "fast",
    true,
  ]);
  assert.equal(peer.nodeSelectors.length, 1);
});

Deno.test("hold times: 0 turns the timers off, 3 s and 65535 s are the bounds, a third is the keepalive time", () => {
  const rows: readonly (readonly [string, number, number])[] = [
    ["0s", 0, 0],
    ["0", 0, 0],
    ["3s", 3_000, 1_000],
    ["10s", 10_000, 3_000],
    ["65535s", 65_535_000, 21_845_000],
    ["3.9s", 3_000, 1_000],
  ];
  for (const [hold, holdTimeMs, keepaliveTimeMs] of rows) {
    const [peer] = parseConfig(
      `peers: [{peer-address: 10.0.0.1, my-asn: 1, peer-asn: 2, hold-time: ${hold}}]`,
      "c",
    ).config?.peers ?? [];
    assert.deepEqual(
      [peer?.holdTimeMs, peer?.keepaliveTimeMs],
      [holdTimeMs, keepaliveTimeMs],
      hold,
    );
  }
  for (
    const more of [
      "hold-time: 1s",
      "hold-time: 0s, keepalive-time: 1s",
      "hold-time: 10s, keepalive-time: 11s",
    ]
  ) {
    assert.equal(
      parseConfig(`peers: [{peer-address: 10.0.0.1, my-asn: 1, peer-asn: 2, ${more}}]`, "c")
        .problems.length,
      1,
      more,
    );
  }
});

function peersOf(lines: string) {
  return parseConfig(`peers:\n- my-asn: 1\n  peer-asn: 2\n${lines}`, "c");
}

Deno.test("a link-local peer names its interface, and only such a one does", () => {
  const [peer] = peersOf("  peer-address: fe80::1%eth0\n").config?.peers ?? [];
  assert.equal(peer?.peerInterface, "eth0");
  assert.equal(peer?.peerAddress, parseIp("fe80::1"));
  for (const address of ["fe80::1", "fe80::1%", "10.0.0.1%eth0", "fd00::1%eth0", "fe80::1%a%b"]) {
    const { config, problems } = peersOf(`  peer-address: "${address}"\n`);
    assert.equal(config, undefined, address);
    assert.match(problems[0]?.message ?? "", /interface/, address);
  }
});

Deno.test("a password comes from the file of a mounted Secret, by an absolute path", () => {
  const at = "  peer-address: 10.0.0.1\n";
  const [peer] = peersOf(`${at}  password-file: /etc/herald/tor/password\n`).config?.peers ?? [];
  assert.equal(peer?.passwordFile, "/etc/herald/tor/password");
  for (const wrong of ["  password-file: tor\n", "  password: x\n  password-file: /x\n"]) {
    assert.match(peersOf(at + wrong).problems[0]?.message ?? "", /"password-file"/);
  }
});

Deno.test("ttl-security and graceful-restart are off until asked for; the first is for one hop", () => {
  const at = "  peer-address: 10.0.0.1\n";
  const [peer] = peersOf(`${at}  ttl-security: on\n  graceful-restart: on\n`).config?.peers ?? [];
  assert.deepEqual([peer?.ttlSecurity, peer?.gracefulRestart], [true, true]);
  const both = peersOf(`${at}  ttl-security: on\n  ebgp-multihop: on\n`);
  assert.match(both.problems[0]?.message ?? "", /one hop/);
});
