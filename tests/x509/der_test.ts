import assert from "node:assert/strict";
import {
  bitString,
  boolean,
  der,
  integer,
  octetString,
  oid,
  sequence,
  time,
  utf8,
} from "../../lib/x509/der.ts";

function hex(octets: Uint8Array): string {
  return octets.toHex();
}

Deno.test("der() writes a length in as few octets as it takes", () => {
  for (
    const [count, head] of [
      [0, "0400"],
      [127, "047f"],
      [128, "048180"],
      [255, "0481ff"],
      [256, "04820100"],
      [65_536, "0483010000"],
    ] as const
  ) {
    const value = der(4, new Uint8Array(count));
    assert.equal(hex(value.subarray(0, head.length / 2)), head);
    assert.equal(value.length, head.length / 2 + count);
  }
});

Deno.test("integer() is never negative and has no zero too many", () => {
  for (
    const [octets, value] of [
      ["", "020100"],
      ["00", "020100"],
      ["0000", "020100"],
      ["7f", "02017f"],
      ["80", "02020080"],
      ["000001", "020101"],
      ["00ff01", "020300ff01"],
    ] as const
  ) assert.equal(hex(integer(Uint8Array.fromHex(octets))), value, octets);
});

Deno.test("oid() writes numbers beyond seven bits", () => {
  assert.equal(hex(oid("2.5.4.3")), "0603550403");
  assert.equal(hex(oid("1.2.840.10045.4.3.2")), "06082a8648ce3d040302");
  assert.equal(hex(oid("1.3.6.1.5.5.7.3.1")), "06082b06010505070301");
});

Deno.test("time() changes its form in 2050", () => {
  const text = (iso: string) => new TextDecoder().decode(time(Date.parse(iso)).subarray(2));
  assert.equal(text("2026-11-27T01:02:03.999Z"), "261127010203Z");
  assert.equal(text("2049-12-31T23:59:59Z"), "491231235959Z");
  assert.equal(time(Date.parse("2050-01-01T00:00:00Z"))[0], 24);
  assert.equal(text("2050-01-01T00:00:00Z"), "20500101000000Z");
});

Deno.test("the other values have their tags", () => {
  assert.equal(hex(sequence(boolean(true), boolean(false))), "30060101ff010100");
  assert.equal(hex(bitString(Uint8Array.of(0x80), 7)), "03020780");
  assert.equal(hex(octetString(Uint8Array.of(1), Uint8Array.of(2))), "04020102");
  assert.equal(hex(utf8("é")), "0c02c3a9");
});
