import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config/parse.ts";
import { peerName, sessionKey } from "../../lib/config/sessions.ts";
import type { Peer } from "../../lib/config/types.ts";

function peer(more: string): Peer {
  const text = `peers: [{my-asn: 64500, peer-asn: 64501, ${more}}]\n` +
    "bfd-profiles: [{name: fast}]\n";
  const { config, problems } = parseConfig(text, "c");
  return config?.peers[0] ?? assert.fail(JSON.stringify(problems));
}

Deno.test("peerName() is address and port, with brackets and zone for IPv6", () => {
  assert.equal(peerName(peer("peer-address: 10.0.0.1")), "10.0.0.1:179");
  assert.equal(peerName(peer("peer-address: fd00::1, peer-port: 1179")), "[fd00::1]:1179");
  assert.equal(peerName(peer('peer-address: "fe80::1%eth0"')), "[fe80::1%eth0]:179");
});

Deno.test("sessionKey() differs with what a session is made of, not with BFD or the choice of nodes", () => {
  const plain = sessionKey(peer("peer-address: 10.0.0.1"));
  assert.equal(sessionKey(peer("peer-address: 10.0.0.1, bfd-profile: fast")), plain);
  assert.equal(
    sessionKey(peer("peer-address: 10.0.0.1, node-selectors: [{match-labels: {rack: a}}]")),
    plain,
  );
  for (const other of ["password: x", "hold-time: 30s", "peer-port: 1179"]) {
    assert.notEqual(sessionKey(peer(`peer-address: 10.0.0.1, ${other}`)), plain, other);
  }
});
