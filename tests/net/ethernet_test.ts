import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BROADCAST,
  formatMac,
  type Mac,
  readI32,
  readMac,
  readU16,
  readU32,
  writeMac,
  writeU16,
  writeU32,
  ZERO_MAC,
} from "../../lib/net/ethernet.ts";
import { parseMac } from "../support/addresses.ts";

function mac(text: string): Mac {
  const parsed = parseMac(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

const octets = fc.uint8Array({ minLength: 6, maxLength: 6 });

function textOf(bytes: Uint8Array): string {
  return [...bytes].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}

Deno.test("formatMac() writes six octets with colons", () => {
  assert.equal(formatMac(0x0abc_000d_fe01 as Mac), "0a:bc:00:0d:fe:01");
  assert.equal(formatMac(ZERO_MAC), "00:00:00:00:00:00");
  assert.equal(formatMac(BROADCAST), "ff:ff:ff:ff:ff:ff");
});

Deno.test("readMac(), writeMac() and the texts agree on every octet", () => {
  fc.assert(
    fc.property(octets, fc.nat(8), (bytes, offset) => {
      const frame = new Uint8Array(16).fill(0xa5);
      writeMac(frame, offset, mac(textOf(bytes)));
      assert.deepEqual(frame.slice(offset, offset + 6), bytes);
      assert.equal(
        frame.filter((octet) => octet === 0xa5).length,
        frame.length - 6 +
          bytes.filter((octet) => octet === 0xa5).length,
      );
      assert.equal(formatMac(readMac(frame, offset)), textOf(bytes));
    }),
    { seed: 11, numRuns: 2_000 },
  );
});

Deno.test("readU16(), readU32() and their writers are big-endian and unsigned, readI32() is signed", () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffff_ffff), fc.nat(8), (short, long, offset) => {
      const frame = new Uint8Array(16);
      const view = new DataView(frame.buffer);
      writeU16(frame, offset, short);
      assert.equal(view.getUint16(offset), short);
      assert.equal(readU16(frame, offset), short);
      writeU32(frame, offset, long);
      assert.equal(view.getUint32(offset), long);
      assert.equal(readU32(frame, offset), long);
      assert.equal(readI32(frame, offset), long | 0);
    }),
    { seed: 12, numRuns: 2_000 },
  );
});

Deno.test("the readers take octets past the end for zero", () => {
  const frame = Uint8Array.of(0xff);
  assert.equal(readMac(frame, 0), 0xff00_0000_0000);
  assert.equal(readU16(frame, 0), 0xff00);
  assert.equal(readU32(frame, 1), 0);
});
