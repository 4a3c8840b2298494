import { createCipheriv, createDecipheriv } from "node:crypto";
import { isWireError, type WireError, wireError } from "../base/errors.ts";
import { compressLzw, decompressLzw } from "./lzw.ts";
import { TYPE } from "./message.ts";
import { decodeMap, encodeMap, octetsOf } from "./msgpack.ts";

export const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const BLOCK = 16;

/**
 * Encrypts by AES-GCM: version, nonce, ciphertext, tag. Version 0 pads to blocks as protocol 1
 * does, version 1 does not; `nonce` must never come twice under one key.
 */
export function encrypt(
  plain: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  version: 0 | 1 = 1,
): Uint8Array {
  const cipher = createCipheriv(cipherOf(key), key, nonce).setAAD(additional);
  const text = version === 0 ? padded(plain) : plain;
  const parts = [Uint8Array.of(version), nonce, cipher.update(text), cipher.final()];
  return joined([...parts, cipher.getAuthTag()]);
}

/** Decrypts with the first key that fits, of 16 or 32 octets. Total. */
export function decrypt(
  sealed: Uint8Array,
  keys: readonly Uint8Array[],
  additional: Uint8Array,
): Uint8Array | WireError {
  const [version] = sealed;
  if (sealed.length < 1 + NONCE_LENGTH + TAG_LENGTH) {
    return refuse("truncated", "too short for an encrypted packet", sealed.length);
  }
  if (version !== 0 && version !== 1) {
    return refuse("bad-version", `encryption version ${version}: sent without a key?`, 0);
  }
  const nonce = sealed.subarray(1, 1 + NONCE_LENGTH);
  const tag = sealed.subarray(sealed.length - TAG_LENGTH);
  const text = sealed.subarray(1 + NONCE_LENGTH, sealed.length - TAG_LENGTH);
  for (const key of keys) {
    const cipher = createDecipheriv(cipherOf(key), key, nonce).setAAD(additional).setAuthTag(tag);
    try {
      const plain = joined([cipher.update(text), cipher.final()]);
      return version === 0 ? unpadded(plain) : plain;
    } catch {
      continue; // not this key
    }
  }
  return refuse("bad-key", "encrypted with another key than ours", 0);
}

function cipherOf(key: Uint8Array): "aes-128-gcm" | "aes-256-gcm" {
  return key.length === 16 ? "aes-128-gcm" : "aes-256-gcm";
}

/** PKCS#7. */
function padded(plain: Uint8Array): Uint8Array {
  const more = BLOCK - plain.length % BLOCK;
  return joined([plain, new Uint8Array(more).fill(more)]);
}

function unpadded(plain: Uint8Array): Uint8Array {
  return plain.subarray(0, plain.length - Math.min(BLOCK, plain.at(-1) ?? 0));
}

/** A compress message around another one. */
export function compress(plain: Uint8Array): Uint8Array {
  return joined([
    Uint8Array.of(TYPE.compress),
    encodeMap([["Algo", 0], ["Buf", compressLzw(plain)]]),
  ]);
}

/** What a compress message holds, at most `limit` octets. Total. */
export function decompress(message: Uint8Array, limit: number): Uint8Array | WireError {
  const fields = decodeMap(message.subarray(1));
  if (isWireError(fields)) return fields;
  if (fields.Algo !== 0) return refuse("bad-parameter", "not compressed by LZW", 1);
  return decompressLzw(octetsOf(fields.Buf), limit);
}

/** The octets of all, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The header that names a cluster: type 244, length, text. */
export function labelHeader(label: string): Uint8Array {
  const text = new TextEncoder().encode(label);
  return label === "" ? text : joined([Uint8Array.of(TYPE.label, text.length), text]);
}

/**
 * Takes the label off; a packet of a cluster with another label, or with none, is refused.
 * `optional` is for the answering side of a stream, which sends none. Total.
 */
export function withoutLabel(
  bytes: Uint8Array,
  label: string,
  optional = false,
): Uint8Array | WireError {
  const header = labelHeader(label);
  const has = bytes[0] === TYPE.label;
  if (!has && (label === "" || optional)) return bytes;
  const same = header.length > 0 && header.every((octet, at) => bytes[at] === octet);
  return same ? bytes.subarray(header.length) : refuse("bad-label", "of another cluster", 0);
}

function refuse(reason: WireError["reason"], detail: string, offset: number): WireError {
  return wireError("gossip", reason, detail, offset);
}
