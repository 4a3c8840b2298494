import { decode, Decoder } from "@msgpack/msgpack";
import { type WireError, wireError } from "../base/errors.ts";

/** A field's value as it is written. */
export type FieldValue = number | boolean | string | Uint8Array | null;
/** What was read: keys with values of whatever type the sender chose. */
export type Fields = Readonly<Record<string, unknown>>;

/** Hostile maps must not take memory: no message of ours has more. */
const LIMITS = {
  // Text and octets share their tags: only the reader of a field knows which it is.
  rawStrings: true,
  maxStrLength: 20 << 20,
  maxBinLength: 20 << 20,
  maxArrayLength: 64,
  maxMapLength: 64,
  maxExtLength: 1_024,
} as const;

/**
 * Writes a map in MessagePack's old flavour, whose octets have the tags of text: memberlist's
 * decoder of MetalLB's time knows no other, and no library writes it. Keys in the order given.
 */
export function encodeMap(
  fields: readonly (readonly [key: string, value: FieldValue])[],
): Uint8Array {
  const out: number[] = [0x80 + fields.length];
  for (const [key, value] of fields) {
    putRaw(out, new TextEncoder().encode(key));
    if (value === null) out.push(0xc0);
    else if (typeof value === "boolean") out.push(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") putUnsigned(out, value);
    else putRaw(out, typeof value === "string" ? new TextEncoder().encode(value) : value);
  }
  return Uint8Array.from(out);
}

function putRaw(out: number[], bytes: Uint8Array): void {
  const { length } = bytes;
  if (length < 32) out.push(0xa0 + length);
  else if (length < 0x1_0000) out.push(0xda, length >>> 8, length & 255);
  else out.push(0xdb, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255);
  for (const byte of bytes) out.push(byte);
}

function putUnsigned(out: number[], value: number): void {
  if (value < 128) out.push(value);
  else if (value < 256) out.push(0xcc, value);
  else if (value < 0x1_0000) out.push(0xcd, value >>> 8, value & 255);
  else {
    out.push(0xce, value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  }
}

/** Reads one map that takes all octets. Total. */
export function decodeMap(bytes: Uint8Array): Fields | WireError {
  try {
    return fieldsOf(decode(bytes, LIMITS));
  } catch (error) {
    return refuse(error);
  }
}

/**
 * Reads maps back to back: as many as `count` says of the first one, which may hold that number.
 * Undefined while more octets are to come. Total.
 */
export function decodeMaps(
  bytes: Uint8Array,
  count: (first: Fields) => number,
): readonly Fields[] | undefined | WireError {
  const maps: Fields[] = [];
  try {
    for (const value of new Decoder(LIMITS).decodeMulti(bytes)) {
      const fields = fieldsOf(value);
      if (isRefused(fields)) return fields;
      maps.push(fields);
      if (maps.length >= count(maps[0] ?? fields)) return maps;
    }
    return undefined;
  } catch (error) {
    return error instanceof RangeError ? undefined : refuse(error);
  }
}

function isRefused(value: Fields | WireError): value is WireError {
  return value.kind === "wire-error";
}

function fieldsOf(value: unknown): Fields | WireError {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return wireError("gossip", "bad-type", "the body is no map", 0);
  }
  // A null prototype: a sender's key is never one of ours.
  return Object.assign(Object.create(null), value);
}

function refuse(error: unknown): WireError {
  const detail = error instanceof Error ? error.message : String(error);
  return wireError("gossip", "bad-parameter", `no MessagePack: ${detail}`, 0);
}

/** An unsigned number of at most 32 bits; 0 for anything else. */
export function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff
    ? value
    : 0;
}

/** Octets; none for anything else. */
export function octetsOf(value: unknown): Uint8Array {
  // The decoder gives views on the datagram, whose buffer is used again.
  return value instanceof Uint8Array ? value.slice() : new Uint8Array();
}

/** Text; broken UTF-8 becomes replacement characters, as in Go's output. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
}
