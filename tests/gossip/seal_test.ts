import assert from "node:assert/strict";
import { isWireError } from "../../lib/base/errors.ts";
import {
  compress,
  decompress,
  decrypt,
  encrypt,
  labelHeader,
  withoutLabel,
} from "../../lib/gossip/seal.ts";

const NONCE = new Uint8Array(12).fill(1);
const NOTHING = new Uint8Array();

for (const length of [16, 32]) {
  for (const version of [0, 1] as const) {
    Deno.test(`decrypt() opens what encrypt() closed: ${length} octets, version ${version}`, () => {
      const key = new Uint8Array(length).fill(2);
      for (const size of [0, 1, 15, 16, 17, 1_000]) {
        const plain = new Uint8Array(size).fill(3);
        const sealed = encrypt(plain, key, NONCE, NOTHING, version);
        const padding = version === 0 ? 16 - size % 16 : 0;
        assert.equal(sealed.length, 1 + 12 + size + padding + 16);
        const opened = decrypt(sealed, [new Uint8Array(16), key], NOTHING);
        assert.ok(!isWireError(opened));
        assert.equal(opened.toHex(), plain.toHex());
        assert.ok(isWireError(decrypt(sealed, [key], Uint8Array.of(1))), "other additional data");
      }
    });
  }
}

Deno.test("decompress() gives what compress() took", () => {
  const plain = new TextEncoder().encode("gossip ".repeat(100));
  const packed = compress(plain);
  assert.ok(packed.length < plain.length);
  assert.deepEqual(decompress(packed, 1_000), plain);
  assert.ok(isWireError(decompress(packed, 100)));
});

Deno.test("withoutLabel() takes its own label and no other (corpus 2.8.12)", () => {
  const bytes = Uint8Array.of(...labelHeader("blue"), 8, 1);
  assert.deepEqual(withoutLabel(bytes, "blue"), Uint8Array.of(8, 1));
  assert.ok(isWireError(withoutLabel(bytes, "")));
  assert.ok(isWireError(withoutLabel(bytes, "red")));
  assert.ok(isWireError(withoutLabel(Uint8Array.of(8, 1), "blue")));
  assert.deepEqual(withoutLabel(Uint8Array.of(8, 1), "blue", true), Uint8Array.of(8, 1));
});
