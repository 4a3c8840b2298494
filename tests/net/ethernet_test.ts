import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BROADCAST,
  formatMac,
  isGroupMac,
  type Mac,
  parseMac,
  readMac,
  readU16,
  readU32,
  writeMac,
  writeU16,
  writeU32,
  ZERO_MAC,
} from "../../lib/net/ethernet.ts";

function mac(text: string): Mac {
  const parsed = parseMac(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

const octets = fc.uint8Array({ minLength: 6, maxLength: 6 });

function textOf(bytes: Uint8Array): string {
  return [...bytes].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}

Deno.test("parseMac() and formatMac() read and write six octets with colons", () => {
  assert.equal(mac("02:00:00:00:00:01"), 0x0200_0000_0001);
  assert.equal(mac("FF:ff:FF:ff:FF:ff"), BROADCAST);
  assert.equal(mac("00:00:00:00:00:00"), ZERO_MAC);
  assert.equal(formatMac(mac("0A:bC:00:0d:FE:01")), "0a:bc:00:0d:fe:01");
  assert.equal(formatMac(ZERO_MAC), "00:00:00:00:00:00");
  assert.equal(formatMac(BROADCAST), "ff:ff:ff:ff:ff:ff");
});

Deno.test("parseMac() refuses anything else", () => {
  for (
    const text of [
      "",
      "02:00:00:00:00",
      "02:00:00:00:00:01:02",
      "2:0:0:0:0:1",
      "02-00-00-00-00-01",
      "0200.0000.0001",
      "020000000001",
      "02:00:00:00:00:0g",
      " 02:00:00:00:00:01",
      "02:00:00:00:00:01\n",
    ]
  ) assert.equal(parseMac(text), undefined, JSON.stringify(text));
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

Deno.test("readU16(), readU32() and their writers are big-endian and unsigned", () => {
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

Deno.test("isGroupMac() looks at the lowest bit of the first octet", () => {
  for (const text of ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01"]) {
    assert.ok(isGroupMac(mac(text)), text);
  }
  for (const text of ["00:00:00:00:00:00", "02:01:01:01:01:01", "fe:ff:ff:ff:ff:ff"]) {
    assert.ok(!isGroupMac(mac(text)), text);
  }
});
