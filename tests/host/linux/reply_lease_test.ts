import assert from "node:assert/strict";
import { BPF, mapCreate, mapLookup } from "../../../ffi/bpf.ts";
import { openLibc } from "../../../ffi/libc.ts";
import { instant } from "../../../lib/base/time.ts";
import { openReplyLease } from "../../../lib/host/linux/reply_lease.ts";

Deno.test("renew() puts the time into the map's one entry, in nanoseconds", () => {
  using libc = openLibc(BPF);
  using map = mapCreate(libc, "BPF_MAP_TYPE_ARRAY", { key: 4, value: 8, entries: 1 }, "test");
  using lease = openReplyLease(map.number);
  const value = new Uint8Array(8);
  for (const until of [instant(1_234.5), instant(10_000)]) {
    lease.renew(until);
    assert.ok(mapLookup(libc, map.number, new Uint8Array(4), value));
    assert.equal(new DataView(value.buffer).getBigUint64(0, true), BigInt(until * 1e6));
  }
});

Deno.test("renew() does no harm when the responder that had the map has ended", () => {
  using libc = openLibc(BPF);
  const map = mapCreate(libc, "BPF_MAP_TYPE_ARRAY", { key: 4, value: 8, entries: 1 }, "test");
  const number = map.number;
  using lease = openReplyLease(number);
  map[Symbol.dispose]();
  lease.renew(instant(1));
});
