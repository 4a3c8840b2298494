import assert from "node:assert/strict";
import fc from "fast-check";
import { isWireError } from "../../lib/base/errors.ts";
import { compressLzw } from "../../lib/gossip/lzw.ts";
import { encodeMessage, TYPE } from "../../lib/gossip/message.ts";
import { encodeMap } from "../../lib/gossip/msgpack.ts";
import { openPacket, sealPacket } from "../../lib/gossip/packet.ts";
import { joined } from "../../lib/gossip/seal.ts";
import { assertFields, type GossipVector, VECTORS } from "./vectors.ts";

const UDP = VECTORS.filter(({ transport }) => transport === "udp");
const optionsOf = ({ settings: { key, label } }: GossipVector) => ({
  keys: key === null ? [] : [Uint8Array.fromHex(key)],
  label: label ?? "",
});

Deno.test("there are packets of three versions, with and without each layer", () => {
  assert.ok(UDP.length > 150, String(UDP.length));
  for (const version of ["v0.1.7", "v0.3.1", "v0.7.0"]) {
    assert.ok(UDP.some(({ name }) => name.startsWith(version)), version);
  }
});

for (const vector of UDP) {
  Deno.test(`openPacket() reads ${vector.name}`, () => {
    const opened = openPacket(Uint8Array.fromHex(vector.hex), optionsOf(vector));
    assert.ok(!isWireError(opened));
    const { message } = vector.decoded;
    const expected = message.parts ?? [message];
    assert.deepEqual(opened.map(({ kind }) => kind), expected.map(({ type }) => type));
    opened.forEach((one, index) => {
      const part = expected[index];
      assert.ok(!isWireError(one) && part);
      assertFields(one, part.fields ?? { Payload: part.payload });
      if (message.parts === undefined && one.kind !== "alive") {
        assert.equal(encodeMessage(one).toHex(), vector.inner_hex, "written again");
      }
    });
    const again = sealPacket(
      opened.map((one) => {
        assert.ok(!isWireError(one));
        return encodeMessage(one);
      }),
      { keys: [], crc: false },
    );
    // v0.1.7 writes an absent meta as nil, and no Source fields: the same to every reader.
    if (!vector.inner_hex.includes("a44d657461c0")) assert.equal(again.toHex(), vector.inner_hex);
  });
}

const KEY = new Uint8Array(16).fill(7);
const NONCE = new Uint8Array(12).fill(9);
const DEAD = { kind: "dead", node: "a", incarnation: 4, from: "b" } as const;

Deno.test("sealPacket() closes each layer so that openPacket() opens it", () => {
  const messages = Array.from({ length: 9 }, () => encodeMessage(DEAD));
  for (const label of ["", "cluster"]) {
    for (const keys of [[], [KEY], [new Uint8Array(32).fill(1), KEY]]) {
      for (const crc of [true, false]) {
        for (const compress of [true, false]) {
          for (const encryptionVersion of [0, 1] as const) {
            const options = { label, keys, crc, compress, encryptionVersion, nonce: NONCE };
            const opened = openPacket(sealPacket(messages, options), { label, keys });
            assert.deepEqual(opened, Array(9).fill(DEAD));
          }
        }
      }
    }
  }
});

const sealed = sealPacket([encodeMessage(DEAD)], { keys: [KEY], nonce: NONCE });
const bomb = joined([
  Uint8Array.of(TYPE.compress),
  encodeMap([["Algo", 0], ["Buf", compressLzw(new Uint8Array(1 << 20))]]),
]);
const compress = (bytes: Uint8Array) =>
  joined([Uint8Array.of(TYPE.compress), encodeMap([["Algo", 0], ["Buf", compressLzw(bytes)]])]);
const wrap = (bytes: Uint8Array) =>
  joined([Uint8Array.of(TYPE.compound, 1, bytes.length >> 8, bytes.length & 255), bytes]);
const nestedCompounds = wrap(wrap(wrap(encodeMessage(DEAD))));
/** Arrays in arrays, under a key. */
const deep = joined([
  Uint8Array.fromHex("0481a161"),
  new Uint8Array(1_000).fill(0x91),
  Uint8Array.of(0),
]);
const nested = compress(compress(compress(encodeMessage(DEAD))));

for (
  const [name, bytes, keys, reason] of [
    ["an empty datagram (corpus 2.8.1)", new Uint8Array(), [], "truncated"],
    ["type 99 (corpus 2.8.1)", Uint8Array.of(99, 1, 2), [], "bad-type"],
    ["a bad tag (corpus 2.8.2)", sealed.with(30, 1), [KEY], "bad-key"],
    ["another key (corpus 2.8.2)", sealed, [KEY.with(0, 1)], "bad-key"],
    ["plain text where a key is set (corpus 2.8.3)", encodeMessage(DEAD), [KEY], "bad-version"],
    ["encryption version 2 (corpus 2.8.4)", sealed.with(0, 2), [KEY], "bad-version"],
    ["a bomb (corpus 2.8.5)", bomb, [], "too-large"],
    ["compress in compress in compress (corpus 2.8.6)", nested, [], "too-deep"],
    ["compounds in a compound in a compound (corpus 2.8.6)", nestedCompounds, [], "too-deep"],
    [
      "a compound of 255 with a short table (corpus 2.8.7)",
      Uint8Array.of(7, 255, 0, 1),
      [],
      "truncated",
    ],
    ["a wrong checksum (corpus 2.8.8)", Uint8Array.of(12, 1, 2, 3, 4, 8, 1), [], "bad-checksum"],
    [
      "a label where we have none (corpus 2.8.12)",
      Uint8Array.of(244, 1, 65, 8, 1),
      [],
      "bad-label",
    ],
    ["no MessagePack", Uint8Array.of(4, 0xff), [], "bad-type"],
    [
      "a map of 2^32 entries (corpus 2.8.9)",
      Uint8Array.of(4, 0xdf, 255, 255, 255, 255),
      [],
      "bad-parameter",
    ],
    ["a map 1,000 deep (corpus 2.8.9)", deep, [], "bad-parameter"],
    ["a map that has no end", Uint8Array.of(4, 0x85, 0xa1), [], "bad-parameter"],
  ] as const
) {
  Deno.test(`openPacket() refuses ${name}`, () => {
    const opened = openPacket(bytes, { keys });
    const refused = isWireError(opened) ? opened : opened[0];
    assert.ok(isWireError(refused), JSON.stringify(refused));
    assert.equal(refused.reason, reason);
  });
}

Deno.test("openPacket() lets all bombs of a datagram together expand to 64 KiB (corpus 2.8.5)", () => {
  const half = compress(new Uint8Array(40 * 1024).fill(8));
  const opened = openPacket(sealPacket(Array(200).fill(half), { keys: [] }), { keys: [] });
  assert.ok(!isWireError(opened));
  const read = opened.filter((one) => !isWireError(one));
  assert.equal(read.length, 1, "the first; for the others there is no room");
  const refused = opened.find(isWireError);
  assert.equal(refused?.reason, "too-large");
});

Deno.test("a part cut short leaves the others (wire rule of compounds)", () => {
  const whole = sealPacket([encodeMessage(DEAD), encodeMessage(DEAD)], { keys: [] });
  const opened = openPacket(whole.slice(0, whole.length - 3), { keys: [] });
  assert.ok(!isWireError(opened));
  assert.deepEqual(opened[0], DEAD);
  assert.ok(isWireError(opened[1]));
});

Deno.test("openPacket() is total, and what it gives is bounded", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(
      fc.constantFrom(...UDP),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
    )
      .map(([{ inner_hex }, changes]) => {
        const made = Uint8Array.fromHex(inner_hex);
        for (const [at, octet] of changes) if (at < made.length) made[at] = octet;
        return made;
      }),
  );
  fc.assert(
    fc.property(bytes, (one) => {
      const opened = openPacket(one, { keys: [] });
      assert.ok(isWireError(opened) || opened.length <= 255);
    }),
    { seed: 66, numRuns: 10_000 },
  );
});
