import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp } from "../../lib/net/ip.ts";
import { decodeGroups, groupDumpRequest } from "../../lib/netlink/multicast.ts";

/** Two answers as rtnetlink(7) has them; a real kernel is asked in groups_test.ts. */
const ANSWER = "400000003a000200010000000a1b00000a80800002000000" +
  "14000700ff0200000000000000000001ff000220" + "1400060000000000000000000000000000000000" +
  "2c0000003a000200010000000a1b00000a80800003000000" +
  "14000700ff020000000000000000000000000001";
const shown = (bytes: Uint8Array) =>
  decodeGroups(bytes).map(({ group, ifindex }) => `${formatIp(group)} ${ifindex}`);

Deno.test("decodeGroups() reads the groups of each interface, from any place in memory", () => {
  const all = ["ff02::1:ff00:220 2", "ff02::1 3"];
  assert.deepEqual(shown(Uint8Array.fromHex(ANSWER)), all);
  assert.deepEqual(shown(Uint8Array.fromHex(`ffffff${ANSWER}`).subarray(3)), all);
});

Deno.test("decodeGroups() reads nothing out of what is cut or broken", () => {
  const bytes = Uint8Array.fromHex(ANSWER);
  for (let length = 0; length < bytes.length; length++) {
    assert.ok(shown(bytes.subarray(0, length)).length < 2, `${length} octets`);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
    shown(noise);
  }));
  fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
    shown(bytes.with(at, value));
  }));
});

Deno.test("groupDumpRequest() asks for a dump of the groups of IPv6", () => {
  assert.equal(groupDumpRequest().toHex(), `180000003a000103${"00".repeat(8)}0a${"00".repeat(7)}`);
});
