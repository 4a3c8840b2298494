import assert from "node:assert/strict";
import { isWireError } from "../../lib/base/errors.ts";
import {
  decodeMap,
  decodeMaps,
  encodeMap,
  numberOf,
  octetsOf,
  textOf,
} from "../../lib/gossip/msgpack.ts";

Deno.test("encodeMap() writes the old flavour: shortest numbers, octets with the tags of text", () => {
  const hex = (value: Parameters<typeof encodeMap>[0][number][1]) =>
    encodeMap([["k", value]]).toHex().slice(6);
  assert.equal(hex(127), "7f");
  assert.equal(hex(128), "cc80");
  assert.equal(hex(256), "cd0100");
  assert.equal(hex(0xffff_ffff), "ceffffffff");
  assert.deepEqual([hex(true), hex(false), hex(null)], ["c3", "c2", "c0"]);
  assert.equal(hex(Uint8Array.of(1)), "a101");
  assert.equal(hex(new Uint8Array(32)).slice(0, 6), "da0020", "no str 8, no bin");
  assert.equal(hex("x".repeat(65_536)).slice(0, 10), "db00010000");
});

Deno.test("decodeMap() reads newer tags too, and keeps a sender's keys from being ours", () => {
  const fields = decodeMap(Uint8Array.fromHex("81a161c4020102"));
  assert.ok(!isWireError(fields));
  assert.deepEqual([...octetsOf(fields.a)], [1, 2]);
  const proto = decodeMap(encodeMap([["toString", 1]]));
  assert.ok(!isWireError(proto));
  assert.equal(numberOf(proto.constructor), 0);
});

Deno.test("decodeMap() refuses what is no map, and hostile sizes (corpus 2.8.9)", () => {
  for (
    const hex of ["93010203", "01", "c0", "dfffffffff", "81a161ddffffffff", "81a161dbffffffff"]
  ) {
    assert.ok(isWireError(decodeMap(Uint8Array.fromHex(hex))), hex);
  }
});

Deno.test("decodeMaps() waits for what is to come, and reads no more than asked", () => {
  const [one, two] = [encodeMap([["n", 2]]), encodeMap([["n", 7]])];
  const bytes = Uint8Array.of(...one, ...two, 0xff, 0xff);
  const maps = decodeMaps(bytes, (first) => numberOf(first.n));
  assert.ok(Array.isArray(maps));
  assert.equal(maps.length, 2);
  assert.equal(decodeMaps(bytes.subarray(0, one.length + 1), () => 2), undefined);
});

Deno.test("values of another type than wanted are nothing", () => {
  assert.deepEqual([numberOf(-1), numberOf(1.5), numberOf("1"), numberOf(2 ** 32)], [0, 0, 0, 0]);
  assert.deepEqual([octetsOf(7).length, textOf(7), textOf("a")], [0, "", "a"]);
});
