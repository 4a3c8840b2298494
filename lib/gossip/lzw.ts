import { type WireError, wireError } from "../base/errors.ts";

// LZW with the order of bits that GIF uses, as memberlist compresses: codes come least significant
// bit first, begin with 9 bits and grow to 12; then the table is cleared.
const LITERAL_BITS = 8;
const CLEAR = 1 << LITERAL_BITS;
const END = CLEAR + 1;
const MAX_BITS = 12;
const MAX_CODE = (1 << MAX_BITS) - 1;
const NONE = -1;

/** Compresses, bit for bit as Go's compress/lzw does. */
export function compressLzw(plain: Uint8Array): Uint8Array {
  const out: number[] = [];
  const known = new Map<number, number>();
  let pending = 0;
  let pendingBits = 0;
  let bits = LITERAL_BITS + 1;
  let last = END;
  function put(code: number): void {
    pending |= code << pendingBits;
    for (pendingBits += bits; pendingBits >= 8; pendingBits -= 8) {
      out.push(pending & 255);
      pending >>>= 8;
    }
  }
  /** Counts a code; true when the table was full and begins anew. */
  function advance(): boolean {
    last++;
    if (last === 1 << bits) bits++;
    if (last < MAX_CODE) return false;
    put(CLEAR);
    bits = LITERAL_BITS + 1;
    last = END;
    known.clear();
    return true;
  }
  put(CLEAR);
  let prefix = NONE;
  for (const literal of plain) {
    const key = prefix << LITERAL_BITS | literal;
    const longer = known.get(key);
    if (prefix !== NONE && longer === undefined) {
      put(prefix);
      if (!advance()) known.set(key, last);
    }
    prefix = prefix === NONE ? literal : longer ?? literal;
  }
  if (prefix !== NONE) {
    put(prefix);
    advance();
  }
  put(END);
  if (pendingBits > 0) out.push(pending & 255);
  return Uint8Array.from(out);
}

/** Decompresses to at most `limit` octets: a bomb is refused before it takes memory. Total. */
export function decompressLzw(packed: Uint8Array, limit: number): Uint8Array | WireError {
  const prefixes = new Uint16Array(MAX_CODE + 1);
  const suffixes = new Uint8Array(MAX_CODE + 1);
  const reversed = new Uint8Array(MAX_CODE + 2);
  let out = new Uint8Array(Math.min(limit, 4 * packed.length + 64));
  let length = 0;
  let [at, pending, pendingBits] = [0, 0, 0];
  let bits = LITERAL_BITS + 1;
  let high = END;
  let last = NONE;
  while (true) {
    while (pendingBits < bits) {
      if (at >= packed.length) return refuse("truncated", "no end in the compressed text", at);
      pending |= (packed[at++] ?? 0) << pendingBits;
      pendingBits += 8;
    }
    const code = pending & ((1 << bits) - 1);
    pending >>>= bits;
    pendingBits -= bits;
    if (code === END) break;
    if (code === CLEAR) {
      [bits, high, last] = [LITERAL_BITS + 1, END, NONE];
      continue;
    }
    // The newest code may mean a text that is being made: the last one and its first octet.
    const isNewest = code === high && last !== NONE;
    if (code > high || (code >= CLEAR && !isNewest && last === NONE)) {
      return refuse("bad-parameter", `code ${code} has no meaning yet`, at);
    }
    let depth = isNewest ? 1 : 0;
    let rest = isNewest ? last : code;
    for (; rest >= CLEAR; rest = prefixes[rest] ?? 0) reversed[depth++] = suffixes[rest] ?? 0;
    reversed[depth++] = rest;
    if (isNewest) reversed[0] = rest;
    if (length + depth > limit) {
      return refuse("too-large", `more than ${limit} octets when decompressed`, at);
    }
    if (length + depth > out.length) {
      const larger = new Uint8Array(Math.min(limit, 2 * (length + depth)));
      larger.set(out.subarray(0, length));
      out = larger;
    }
    while (depth > 0) out[length++] = reversed[--depth] ?? 0;
    if (last !== NONE) {
      suffixes[high] = rest;
      prefixes[high] = last;
    }
    last = code;
    high++;
    if (high < 1 << bits) continue;
    if (bits < MAX_BITS) bits++;
    else {
      // No code is left: the rest is written with the codes that there are.
      last = NONE;
      high--;
    }
  }
  return length === 0 ? refuse("truncated", "nothing in it", at) : out.subarray(0, length);
}

function refuse(reason: WireError["reason"], detail: string, offset: number): WireError {
  return wireError("gossip", reason, detail, offset);
}
