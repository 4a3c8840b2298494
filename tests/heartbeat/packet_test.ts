import assert from "node:assert/strict";
import fc from "fast-check";
import { isWireError } from "../../lib/base/errors.ts";
import {
  decodeHeartbeat,
  encodeHeartbeat,
  type HeartbeatBody,
  heartbeatKey,
  MAX_NOTICE_IPS,
  MAX_NOTICE_MACS,
} from "../../lib/heartbeat/packet.ts";
import type { Mac } from "../../lib/net/ethernet.ts";
import { ip6 } from "../../lib/net/ip.ts";
import { ip4 } from "../support/addresses.ts";

const KEY = heartbeatKey(Uint8Array.of(1, 2, 3));
const beat: HeartbeatBody = {
  kind: "beat",
  intervalMs: 50,
  multiplier: 3,
  canAnnounce: true,
  ringed: false,
  stale: false,
};

const ips = fc.array(
  fc.oneof(
    fc.nat(2 ** 32 - 1).map(ip4),
    fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(ip6),
  ),
  { maxLength: MAX_NOTICE_IPS },
);
const id = fc.nat(2 ** 32 - 1);
const macs = fc.array(fc.nat(2 ** 48 - 1).map((mac) => mac as Mac), { maxLength: MAX_NOTICE_MACS });
const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,200}$/);
/** As the decoder makes them: with the usual prototype. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });
const body: fc.Arbitrary<HeartbeatBody> = fc.oneof(
  record({
    kind: fc.constant("beat" as const),
    intervalMs: fc.nat(65_535),
    multiplier: fc.nat(255),
    canAnnounce: fc.boolean(),
    ringed: fc.boolean(),
    stale: fc.boolean(),
  }),
  record({ kind: fc.constant("query" as const), id, target: name }),
  record({ kind: fc.constant("answer" as const), id, heard: fc.boolean() }),
  record({ kind: fc.constant("ack" as const), id }),
  record({ kind: fc.constant("missed" as const), silentMs: id, target: name }),
  record({
    kind: fc.constant("notice" as const),
    id,
    stale: fc.boolean(),
    notice: fc.oneof(
      record({ what: fc.constant("claim" as const), ips, macs }),
      record({ what: fc.constant("release" as const), ips }),
      fc.constant({ what: "leaving" as const }),
    ),
  }),
);

Deno.test("decodeHeartbeat() reads what encodeHeartbeat() wrote, in a datagram that fits", () => {
  fc.assert(
    fc.property(name, id, fc.nat(2 ** 40), body, (sender, boot, sequence, one) => {
      const packet = { sender, boot, sequence, body: one };
      const bytes = encodeHeartbeat(packet, KEY);
      assert.ok(bytes.length <= 1_232, String(bytes.length));
      assert.deepEqual(decodeHeartbeat(bytes, [heartbeatKey(undefined), KEY]), packet);
    }),
    { seed: 68, numRuns: 500 },
  );
});

const sent = encodeHeartbeat({ sender: "node1", boot: 7, sequence: 9, body: beat }, KEY);
for (
  const [what, bytes, reason] of [
    ["an empty datagram", new Uint8Array(), "truncated"],
    ["another protocol", sent.with(0, 0), "bad-marker"],
    ["another version", sent.with(2, 9), "bad-version"],
    ["a changed octet", sent.with(20, 0), "bad-signature"],
    ["a changed signature", sent.with(sent.length - 1, 0), "bad-signature"],
    [
      "another key",
      encodeHeartbeat(
        { sender: "node1", boot: 7, sequence: 9, body: beat },
        heartbeatKey(undefined),
      ),
      "bad-signature",
    ],
  ] as const
) {
  Deno.test(`decodeHeartbeat() refuses ${what}`, () => {
    const refused = decodeHeartbeat(bytes, [KEY]);
    assert.ok(isWireError(refused));
    assert.equal(refused.reason, reason);
  });
}

Deno.test("decodeHeartbeat() is total, whatever a holder of the key signs", () => {
  const open = heartbeatKey(undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), body, (bytes, one) => {
      decodeHeartbeat(bytes, [open]);
      const packet = encodeHeartbeat({ sender: "x", boot: 1, sequence: 1, body: one }, open);
      for (let length = 0; length < packet.length; length++) {
        assert.ok(isWireError(decodeHeartbeat(packet.subarray(0, length), [open])));
      }
    }),
    { seed: 69, numRuns: 100 },
  );
});

Deno.test("heartbeatKey() is not the gossip key", () => {
  const gossip = new Uint8Array(32).fill(5);
  assert.notEqual(heartbeatKey(gossip).toHex(), gossip.toHex());
  assert.equal(heartbeatKey(gossip).length, 32);
});
