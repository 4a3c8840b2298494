import { createHash } from "node:crypto";

/** More lines of a Secret are not read: each costs a try for every packet of a stranger. */
const MOST_TEXTS = 4;

/**
 * The keys that MetalLB makes of the text of its Secret: the text itself, then the SHA-256 of
 * nothing, cut to 16 octets (up to v0.13) or 32 (from v0.14). The first one encrypts, each is tried
 * to decrypt, so that speakers of either kind are understood. Each line is a text of its own, the
 * first one sends: so a key is changed without an hour in which two cannot talk. MetalLB's own
 * speakers take the first line alone where it has 32 characters.
 */
export function gossipKeys(secret: string, keyBytes: 16 | 32 | undefined): Uint8Array[] {
  const texts = secret.split("\n").map((text) => text.trim()).filter((text) => text !== "");
  return texts.slice(0, MOST_TEXTS).flatMap((text) => keysOfText(text, keyBytes));
}

function keysOfText(secret: string, keyBytes: 16 | 32 | undefined): Uint8Array[] {
  const text = new TextEncoder().encode(secret);
  const nothing = createHash("sha256").digest();
  const filled = new Uint8Array(text.length + nothing.length);
  filled.set(text);
  filled.set(nothing, text.length);
  const first = keyBytes ?? (text.length >= 32 ? 32 : 16);
  return [first, first === 16 ? 32 : 16].map((length) => filled.slice(0, length));
}
