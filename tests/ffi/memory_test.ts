import assert from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { MEMORY, PROGRAM_HEADER, unwrittenParts } from "../../ffi/memory.ts";
import { refusedByC } from "./c_compiler.ts";

Deno.test("a program header has the layout of the C compiler", async () => {
  const fields = Object.entries(PROGRAM_HEADER).filter(([field]) => field !== "size");
  const expressions = [
    `sizeof(Elf64_Phdr) == ${PROGRAM_HEADER.size}`,
    ...fields.map(([field, at]) => `offsetof(Elf64_Phdr, p_${field}) == ${at}`),
  ];
  assert.equal(await refusedByC(["stddef.h", "elf.h"], expressions), "");
});

Deno.test("unwrittenParts() are mappings of the program that may not be written", () => {
  using libc = openLibc(MEMORY);
  const parts = unwrittenParts(libc);
  assert.ok(parts.length > 0);
  const program = Deno.readLinkSync("/proc/self/exe");
  const mappings = Deno.readTextFileSync("/proc/self/maps").split("\n")
    .map((line) => /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ +(.*)$/.exec(line) ?? [])
    .filter(([, , , rights = "w", path]) => !rights.includes("w") && path === program)
    .map(([, from, to]) => [BigInt(`0x${from}`), BigInt(`0x${to}`)] as const);
  for (const { start, length } of parts) {
    const isIn = mappings.some(([from, to]) => from <= start && start + length <= to);
    assert.ok(isIn, `${start.toString(16)}, ${length} octets`);
  }
});
