import assert from "node:assert/strict";
import { responderProgram } from "../../lib/ebpf/responder_program.ts";
import type { Mac } from "../../lib/net/ethernet.ts";

const PARTS = { ip4Map: 11, ip6Map: 12, leaseMap: 13 } as const;
const instructions = (program: Uint8Array) =>
  Array.from(
    { length: program.length / 8 },
    (_, index) => program.subarray(index * 8, index * 8 + 8),
  );

// What it does to frames, the kernel tells: tests/host/linux/packet/ebpf_responder_test.ts.

Deno.test("responderProgram() is small, ends with exit and names each map", () => {
  for (const attach of ["tcx", "xdp"] as const) {
    const program = responderProgram({ ...PARTS, mac: 0x0200_0000_0001 as Mac, attach });
    const steps = instructions(program);
    assert.ok(steps.length < 300, `${steps.length}`);
    assert.equal(steps.at(-1)?.[0], 0x95);
    const maps = steps.filter((step) => step[0] === 0x18).map((step) => step[4]);
    assert.deepEqual([...new Set(maps)].sort(), [11, 12, 13]);
  }
});

Deno.test("responderProgram() holds the interface's hardware address", () => {
  const program = responderProgram({ ...PARTS, mac: 0x02ab_cdef_1234 as Mac, attach: "tcx" });
  assert.ok(program.toHex().includes("02abcdef"), "the first four octets as one number");
  assert.ok(program.toHex().includes("12340000"), "the last two");
});

Deno.test("responderProgram() asks for the lease before it counts or changes a frame", () => {
  const steps = instructions(
    responderProgram({ ...PARTS, mac: 0x0200_0000_0001 as Mac, attach: "tcx" }),
  );
  const places = (test: (step: Uint8Array) => boolean) =>
    steps.flatMap((step, index) => test(step) ? [index] : []);
  const clock = places((step) => step[0] === 0x85 && step[4] === 125);
  const counts = places((step) => step[0] === 0xdb);
  assert.deepEqual([clock.length, counts.length], [2, 2]);
  counts.forEach((count, index) => assert.ok(count > (clock[index] ?? Infinity)));
});
