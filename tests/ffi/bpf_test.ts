import assert from "node:assert/strict";
import { BPF, mapCreate, mapDelete, mapLookup, mapUpdate, progLoad } from "../../ffi/bpf.ts";
import { openLibc } from "../../ffi/libc.ts";
import { OsError } from "../../ffi/result.ts";

Deno.test("a map holds what is put into it, up to its size", () => {
  using libc = openLibc(BPF);
  using map = mapCreate(libc, "BPF_MAP_TYPE_HASH", { key: 4, value: 8, entries: 2 }, "test");
  const key = (first: number) => Uint8Array.of(first, 0, 0, 0);
  const value = new Uint8Array(8);
  assert.equal(mapLookup(libc, map.number, key(1), value), false);
  mapUpdate(libc, map.number, key(1), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  assert.equal(mapLookup(libc, map.number, key(1), value), true);
  assert.equal(value.toHex(), "0102030405060708");
  mapUpdate(libc, map.number, key(2), value);
  assert.throws(() => mapUpdate(libc, map.number, key(3), value), OsError);
  assert.equal(mapDelete(libc, map.number, key(1)), true);
  assert.equal(mapDelete(libc, map.number, key(1)), false);
});

Deno.test("a program that the verifier refuses comes back with its words", () => {
  using libc = openLibc(BPF);
  const exitWithoutResult = Uint8Array.fromHex("9500000000000000");
  assert.throws(() => progLoad(libc, "tcx", exitWithoutResult), /R0 !read_ok/);
  using good = progLoad(libc, "xdp", Uint8Array.fromHex("b7000000020000009500000000000000"));
  assert.ok(good.number > 2);
});
