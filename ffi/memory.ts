import { KERNEL } from "./constants.ts";
import type { Bytes, Libc } from "./libc.ts";

/** Where the program lies in memory, and what the kernel may do with it. */
export const MEMORY = {
  // unsigned long getauxval(unsigned long type)
  getauxval: { parameters: ["usize"], result: "usize" },
  // int madvise(void *address, size_t length, int advice)
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  // void *memcpy(void *dest, const void *src, size_t n)
  copyFrom: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Elf64_Phdr: one part of a program, and where it shall lie. */
export const PROGRAM_HEADER = {
  size: 56,
  type: 0,
  flags: 4,
  vaddr: 16,
  filesz: 32,
} as const;

/** A piece of memory. */
export interface Region {
  readonly start: bigint;
  readonly length: bigint;
}

/**
 * The parts of the running program that nobody ever writes to, its code first of all: each of their
 * pages is as the file has it.
 */
export function unwrittenParts(libc: Libc<typeof MEMORY>): Region[] {
  const told = (type: bigint) => BigInt(libc.symbols.getauxval(type));
  const [place, count, page] = [KERNEL.AT_PHDR, KERNEL.AT_PHNUM, KERNEL.AT_PAGESZ]
    .map((type) => told(BigInt(type))) as [bigint, bigint, bigint];
  const bytes: Bytes = new Uint8Array(Number(count) * PROGRAM_HEADER.size);
  if (place === 0n || page === 0n) return [];
  libc.symbols.copyFrom(bytes, place, BigInt(bytes.length));
  const headers = headersOf(bytes);
  const own = headers.find(({ type }) => type === KERNEL.PT_PHDR);
  // Without this one it would not be known how far all of it was moved.
  if (own === undefined) return [];
  const moved = place - own.vaddr;
  return headers.filter(({ type, flags }) => type === KERNEL.PT_LOAD && (flags & KERNEL.PF_W) === 0)
    .map(({ vaddr, filesz }) => {
      // Whole pages: the rest of one may belong to the part beside it.
      const start = (moved + vaddr + page - 1n) / page * page;
      const end = (moved + vaddr + filesz) / page * page;
      return { start, length: end - start };
    }).filter(({ length }) => length > 0n);
}

function headersOf(bytes: Bytes) {
  const view = new DataView(bytes.buffer);
  const { size } = PROGRAM_HEADER;
  return Array.from({ length: bytes.length / size }, (_, index) => ({
    type: view.getUint32(index * size + PROGRAM_HEADER.type, true),
    flags: view.getUint32(index * size + PROGRAM_HEADER.flags, true),
    vaddr: view.getBigUint64(index * size + PROGRAM_HEADER.vaddr, true),
    filesz: view.getBigUint64(index * size + PROGRAM_HEADER.filesz, true),
  }));
}

/** Takes the pages away; the next touch of one brings it back, as the file has it. */
export function giveBack(libc: Libc<typeof MEMORY>, { start, length }: Region): boolean {
  return libc.symbols.madvise(start, length, KERNEL.MADV_DONTNEED) === 0;
}
