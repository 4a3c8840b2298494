import assert from "node:assert/strict";
import { isWireError } from "../../lib/base/errors.ts";
import { decodeMessage, encodeMessage, TYPE } from "../../lib/gossip/message.ts";
import { encodeMap, type FieldValue } from "../../lib/gossip/msgpack.ts";
import { joined } from "../../lib/gossip/seal.ts";

const VSN = Uint8Array.of(1, 5, 2, 0, 0, 0);
const GOOD: Record<string, FieldValue> = {
  Addr: Uint8Array.of(10, 0, 0, 1),
  Incarnation: 1,
  Meta: new Uint8Array(),
  Node: "a",
  Port: 7946,
  Vsn: VSN,
};
const alive = (changes: Record<string, FieldValue>) =>
  decodeMessage(
    joined([Uint8Array.of(TYPE.alive), encodeMap(Object.entries({ ...GOOD, ...changes }))]),
  );

for (
  const [name, changes] of [
    ["no name", { Node: "" }],
    ["a name of 10,000 octets (corpus 2.8.12)", { Node: "x".repeat(10_000) }],
    ["a name of 256 octets (corpus 2.8.12)", { Node: "x".repeat(256) }],
    ["an address of 5 octets", { Addr: new Uint8Array(5) }],
    ["metadata of 513 octets (corpus 2.8.12)", { Meta: new Uint8Array(513) }],
    ["a protocol minimum of 0", { Vsn: VSN.with(0, 0) }],
    ["a protocol minimum above its maximum", { Vsn: VSN.with(0, 6) }],
    ["a version of five octets", { Vsn: VSN.slice(0, 5) }],
    ["port 0", { Port: 0 }],
    ["a port beyond 65535", { Port: 70_000 }],
  ] as const
) {
  Deno.test(`decodeMessage() refuses an alive message with ${name} (layer 2, fault 13)`, () => {
    assert.ok(isWireError(alive(changes)));
  });
}

Deno.test("decodeMessage() skips keys it does not know and takes IPv4 in IPv6 dress", () => {
  const dressed = Uint8Array.fromHex("00000000000000000000ffff0a000001");
  const message = alive({ Addr: dressed, Unknown: 7 });
  assert.ok(!isWireError(message) && message.kind === "alive");
  assert.equal(message.address, 0x0a00_0001);
  assert.ok(!isWireError(alive({ Addr: dressed.with(0, 0x20) })));
});

Deno.test("decodeMessage() takes a missing field as zero, as memberlist does", () => {
  const bytes = joined([Uint8Array.of(TYPE.nackResp), encodeMap([])]);
  assert.deepEqual(decodeMessage(bytes), { kind: "nackResp", sequence: 0 });
});

Deno.test("encodeMessage() leaves Source fields out where there is nothing to say", () => {
  const source = { sourceAddress: undefined, sourcePort: 0, sourceNode: "" };
  const ping = encodeMessage({ kind: "ping", sequence: 1, node: "a", ...source });
  assert.equal(ping.toHex(), "0082a44e6f6465a161a55365714e6f01");
});
