import assert from "node:assert/strict";
import { messageLength } from "../../lib/bgp/frame.ts";
import { prefixesOf } from "./codec.ts";
import { bytesOf, decode, VECTORS } from "./vectors.ts";
import { seededRandom } from "../support/random.ts";

const RUNS = Number(Deno.env.get("HERALD_FUZZ_RUNS") ?? 50_000);
const CAPTURED = VECTORS.map(({ hex }) => bytesOf(hex));

const random = seededRandom(20_26);
const below = (limit: number) => Math.floor(random() * limit);

/** Random bytes under a right header, or a captured message with bits flipped, cut, grown or joined. */
function mutant(): Uint8Array {
  const base = CAPTURED[below(CAPTURED.length)] ?? new Uint8Array(19);
  const other = CAPTURED[below(CAPTURED.length)] ?? base;
  let bytes = base.slice();
  switch (below(5)) {
    case 0:
      bytes = new Uint8Array(19 + below(200)).map(() => below(256));
      break;
    case 1:
      bytes = bytes.slice(0, 19 + below(Math.max(1, bytes.length - 18)));
      break;
    case 2: {
      const at = 19 + below(Math.max(1, bytes.length - 19));
      bytes = Uint8Array.from([...bytes.slice(0, at), ...other.slice(19 + below(40))]);
      break;
    }
    case 3:
      bytes = Uint8Array.from([...bytes, ...Array.from({ length: below(30) }, () => below(256))]);
      break;
  }
  for (let flips = below(4); flips > 0; flips--) {
    const at = below(4) === 0 ? below(bytes.length) : 18 + below(Math.max(1, bytes.length - 18));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
  }
  // Mostly a right header: what it refuses never comes to the decoders.
  if (below(10) > 0 && bytes.length >= 19) {
    bytes.fill(0xff, 0, 16);
    bytes[16] = bytes.length >> 8;
    bytes[17] = bytes.length & 255;
    if (below(2) === 0) bytes[18] = 1 + below(5);
  }
  return bytes;
}

Deno.test(`fuzz: ${RUNS} mutated messages decode or give a fault with a reason`, () => {
  let decoded = 0;
  for (let run = 0; run < RUNS; run++) {
    const bytes = mutant();
    const message = decode(bytes, below(2) === 0, below(2) === 0 ? 2 : 4);
    if (message.kind === "wire-error") {
      assert.ok(message.reason !== undefined && message.detail !== "");
      continue;
    }
    decoded++;
    if (message.kind !== "update") continue;
    assert.equal(prefixesOf(message.nlri).length, message.nlri.count);
    assert.equal(prefixesOf(message.withdrawn).length, message.withdrawn.count);
    for (const one of message.attributes) {
      if (one.kind === "mp-reach") assert.equal(prefixesOf(one.nlri).length, one.nlri.count);
    }
  }
  // A fuzzer whose mutants are all refused, or all fine, tests nothing.
  assert.ok(decoded > RUNS / 20 && decoded < RUNS * 0.95, `${decoded} of ${RUNS} decoded`);
});

Deno.test("2.6-4: a stream in pieces of any size gives the same messages", () => {
  const stream = Uint8Array.from(CAPTURED.flatMap((bytes) => [...bytes]));
  for (let seed = 0; seed < 20; seed++) {
    let rest: Uint8Array = new Uint8Array(0);
    let count = 0;
    for (let at = 0; at < stream.length;) {
      const size = 1 + below(seed === 0 ? 1 : 300);
      rest = Uint8Array.from([...rest, ...stream.subarray(at, at + size)]);
      at += size;
      for (;;) {
        const length = messageLength(rest, 0, rest.length, 4096);
        assert.notEqual(typeof length, "object");
        if (typeof length !== "number" || length > rest.length) break;
        rest = rest.slice(length);
        count++;
      }
    }
    assert.deepEqual([count, rest.length], [CAPTURED.length, 0]);
  }
});
