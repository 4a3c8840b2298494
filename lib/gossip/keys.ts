import { createHash } from "node:crypto";

/**
 * The keys that MetalLB makes of the text of its Secret: the text itself, then the SHA-256 of
 * nothing, cut to 16 octets (up to v0.13) or 32 (from v0.14). The first one encrypts, each is tried
 * to decrypt, so that speakers of either kind are understood.
 */
export function gossipKeys(secret: string, keyBytes: 16 | 32 | undefined): Uint8Array[] {
  if (secret === "") return [];
  const text = new TextEncoder().encode(secret);
  const nothing = createHash("sha256").digest();
  const filled = new Uint8Array(text.length + nothing.length);
  filled.set(text);
  filled.set(nothing, text.length);
  const first = keyBytes ?? (text.length >= 32 ? 32 : 16);
  return [first, first === 16 ? 32 : 16].map((length) => filled.slice(0, length));
}
