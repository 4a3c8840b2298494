import assert from "node:assert/strict";
import { keysOf, piecesOf } from "../../lib/heartbeat/notice.ts";
import {
  decodeHeartbeat,
  encodeHeartbeat,
  heartbeatKey,
  MAX_NOTICE_IPS,
  MAX_NOTICE_MACS,
} from "../../lib/heartbeat/packet.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import { type Ip, parseIp } from "../../lib/net/ip.ts";

const MAX_UDP_PAYLOAD = 1_232;
const ips = (count: number): Ip[] =>
  Array.from({ length: count }, (_, index) => parseIp(`2001:db8::${index + 1}`))
    .filter((ip) => ip !== undefined);
const macs = (count: number): Mac[] =>
  Array.from({ length: count }, (_, index) => index + 1 as unknown as Mac);

Deno.test("keysOf() derives one key from each gossip key, in their order", () => {
  const [first, second] = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];
  assert.deepEqual(keysOf([first, second]), [heartbeatKey(first), heartbeatKey(second)]);
});

Deno.test("keysOf() signs without a secret where gossip is not encrypted", () => {
  assert.deepEqual(keysOf([]), [heartbeatKey(undefined)]);
});

Deno.test("piecesOf() tells every address once, in packets that networks carry whole", () => {
  const all = ips(2 * MAX_NOTICE_IPS + 1);
  const [key = new Uint8Array()] = keysOf([]);
  for (const what of ["claim", "release"] as const) {
    const pieces = piecesOf({ what, ips: all, macs: [] });
    assert.equal(pieces.length, 3);
    assert.deepEqual(pieces.flatMap((piece) => piece.what === what ? piece.ips : []), all);
    for (const notice of pieces) {
      const packet = {
        sender: "n".repeat(63),
        boot: 1,
        sequence: 1,
        body: { kind: "notice", id: 1, notice, stale: true } as const,
      };
      const bytes = encodeHeartbeat(packet, key);
      assert.ok(bytes.length <= MAX_UDP_PAYLOAD, `${bytes.length} octets`);
      assert.deepEqual(decodeHeartbeat(bytes, [key]), packet);
    }
  }
});

Deno.test("piecesOf() gives each piece of a claim the same hardware addresses, as many as fit", () => {
  const pieces = piecesOf({
    what: "claim",
    ips: ips(MAX_NOTICE_IPS + 1),
    macs: macs(MAX_NOTICE_MACS + 3),
  });
  assert.deepEqual(
    pieces.map((piece) => piece.what === "claim" ? piece.macs : undefined),
    [macs(MAX_NOTICE_MACS), macs(MAX_NOTICE_MACS)],
  );
});

Deno.test("piecesOf() sends a goodbye as it is, hardware addresses alone, and nothing about no addresses", () => {
  assert.deepEqual(piecesOf({ what: "leaving" }), [{ what: "leaving" }]);
  assert.deepEqual(piecesOf({ what: "release", ips: [] }), []);
  assert.deepEqual(piecesOf({ what: "claim", ips: [], macs: [] }), []);
  const [only] = piecesOf({ what: "claim", ips: [], macs: macs(9) });
  assert.deepEqual(only, { what: "claim", ips: [], macs: macs(8) });
});
