import { giveBack, MEMORY, unwrittenParts } from "../../../ffi/memory.ts";
import { openLibc } from "../../../ffi/libc.ts";

/**
 * Gives the pages of the program back, of which a start touches twice as many as what comes after
 * it: code of the runtime for the most part. What is touched again comes from the kernel's cache,
 * some microseconds for sixteen pages. Tells whether there were any.
 */
export function giveProgramBack(): boolean {
  using libc = openLibc(MEMORY);
  return unwrittenParts(libc).map((region) => giveBack(libc, region)).some(Boolean);
}
