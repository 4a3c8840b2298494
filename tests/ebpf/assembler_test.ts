import assert from "node:assert/strict";
import * as asm from "../../lib/ebpf/assembler.ts";

const hex = (...steps: asm.Step[]) => asm.assemble(steps).toHex();

// Encodings of linux/bpf_common.h and Documentation/bpf/standardization/instruction-set.rst.
for (
  const [name, step, expected] of [
    ["r6 = r1", asm.move(6, 1), "bf16000000000000"],
    ["r0 = -1", asm.moveImmediate(0, -1), "b7000000ffffffff"],
    ["w1 = 0x80000000", asm.moveWord(1, 0x8000_0000), "b401000000000080"],
    ["w0 = w0", asm.lowerWord(0, 0), "bc00000000000000"],
    ["r7 = *(u32 *)(r1 + 76)", asm.load("w", 7, 1, 76), "61174c0000000000"],
    ["r4 = *(u16 *)(r7 + 12)", asm.load("h", 4, 7, 12), "69740c0000000000"],
    ["r4 = *(u8 *)(r7 + 22)", asm.load("b", 4, 7, 22), "7174160000000000"],
    ["r1 = *(u64 *)(r9 + 0)", asm.load("dw", 1, 9, 0), "7991000000000000"],
    ["*(u32 *)(r10 - 4) = r5", asm.store("w", 10, -4, 5), "635afcff00000000"],
    ["*(u8 *)(r7 + 78) = 2", asm.storeImmediate("b", 7, 78, 2), "72074e0002000000"],
    ["lock *(u64 *)(r8 + 0) += r1", asm.atomicAdd(8, 0, 1), "db18000000000000"],
    ["r1 >>= 16", asm.shiftRight(1, 16), "7701000010000000"],
    ["r0 ^= 0xffff", asm.xorImmediate(0, 0xffff), "a7000000ffff0000"],
    ["call 5", asm.call(5), "8500000005000000"],
    ["exit", asm.exit(), "9500000000000000"],
  ] as const
) {
  Deno.test(`${name} is encoded as the kernel has it`, () => assert.equal(hex(step), expected));
}

Deno.test("loadMap() takes two places and marks its descriptor", () => {
  assert.equal(hex(...asm.loadMap(1, 7)), "1811000007000000" + "0000000000000000");
});

Deno.test("assemble() counts jumps from the next instruction, over maps, forwards and back", () => {
  const program = hex(
    { label: "start" },
    asm.jumpWordNotEqual(4, 0xff3a_2000, "end"),
    ...asm.loadMap(1, 7),
    asm.jump("start"),
    { label: "end" },
    asm.exit(),
  );
  assert.equal(program.slice(0, 16), "56040300" + "00203aff");
  assert.equal(program.slice(48, 64), "0500fcff00000000");
});

Deno.test("assemble() refuses labels that are missing or stand twice", () => {
  assert.throws(() => asm.assemble([asm.jump("nowhere")]), /No label nowhere/);
  assert.throws(() => asm.assemble([{ label: "a" }, { label: "a" }]), /a stands twice/);
});
