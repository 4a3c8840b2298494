import assert from "node:assert/strict";
import fc from "fast-check";
import { formatMac } from "../../lib/net/ethernet.ts";
import { formatIp } from "../../lib/net/ip.ts";
import { decodeNeighbours, neighbourDumpRequest } from "../../lib/netlink/neighbour.ts";

/** Two RTM_NEWNEIGH as rtnetlink(7) has them; a real kernel is asked in neighbours_test.ts. */
const ANSWER = "4c0000001c000200010000000a1b000002000000020000008000000108000100" +
  "0a4d01090a000200020000000009000008000400000000001400030000000000" +
  "000000000000000000000000580000001c00020001000000" +
  "0a1b00000a00000002000000800000011400010" +
  "0fd7700000000000000000000000000090a00020002000000000900000800040000000000140003" +
  "0000000000000000000000000000000000";
const shown = (bytes: Uint8Array) =>
  decodeNeighbours(bytes).map(({ ip, mac }) => `${formatIp(ip)} ${formatMac(mac)}`);

Deno.test("decodeNeighbours() reads the neighbours of both families, from any place in memory", () => {
  const all = ["10.77.1.9 02:00:00:00:00:09", "fd77::9 02:00:00:00:00:09"];
  assert.deepEqual(shown(Uint8Array.fromHex(ANSWER)), all);
  assert.deepEqual(shown(Uint8Array.fromHex(`ffffff${ANSWER}`).subarray(3)), all);
});

Deno.test("decodeNeighbours() reads nothing out of what has no hardware address, or is cut or broken", () => {
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

Deno.test("neighbourDumpRequest() asks for a dump of all families", () => {
  assert.equal(neighbourDumpRequest().toHex(), `1c0000001e000103${"00".repeat(20)}`);
});
