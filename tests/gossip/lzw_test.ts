import assert from "node:assert/strict";
import fc from "fast-check";
import { isWireError } from "../../lib/base/errors.ts";
import { compressLzw, decompressLzw } from "../../lib/gossip/lzw.ts";

interface LzwVector {
  readonly name: string;
  readonly hex: string;
  readonly plain_hex: string;
}

const VECTORS: readonly LzwVector[] = JSON.parse(
  Deno.readTextFileSync(new URL("../vectors/lzw.json", import.meta.url)),
);
const LIMIT = 1 << 20;

for (const { name, hex, plain_hex } of VECTORS) {
  Deno.test(`LZW agrees with Go's in ${name}`, () => {
    assert.equal(compressLzw(Uint8Array.fromHex(plain_hex)).toHex(), hex);
    const plain = decompressLzw(Uint8Array.fromHex(hex), LIMIT);
    assert.ok(!isWireError(plain));
    assert.equal(plain.toHex(), plain_hex);
  });
}

Deno.test("decompressLzw() gives back what compressLzw() took", () => {
  const texts = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 9_000 }),
    fc.array(fc.nat(3), { minLength: 1, maxLength: 20_000 }).map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const plain = decompressLzw(compressLzw(text), LIMIT);
      assert.ok(!isWireError(plain));
      assert.equal(plain.toHex(), text.toHex());
    }),
    { seed: 64, numRuns: 200 },
  );
});

Deno.test("decompressLzw() stops a bomb at its limit (corpus 2.8.5)", () => {
  const bomb = compressLzw(new Uint8Array(16 << 20));
  assert.ok(bomb.length < 64 * 1024, `${bomb.length}`);
  const refused = decompressLzw(bomb, 64 * 1024);
  assert.ok(isWireError(refused));
  assert.equal(refused.reason, "too-large");
});

Deno.test("decompressLzw() refuses what has no end, no content or no meaning", () => {
  for (const hex of ["", "00", "0003", compressLzw(new Uint8Array()).toHex(), "ffffff"]) {
    assert.ok(isWireError(decompressLzw(Uint8Array.fromHex(hex), LIMIT)), hex);
  }
});

Deno.test("decompressLzw() is total", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const plain = decompressLzw(bytes, 4_096);
      assert.ok(isWireError(plain) || plain.length <= 4_096);
    }),
    { seed: 65, numRuns: 5_000 },
  );
});
