import { readU16, writeU16 } from "../net/ethernet.ts";
import { type BgpFault, bgpFault, CODE, notification } from "./notification.ts";

export const HEADER_LENGTH = 19;
/** What a decoder must know of the session. */
export interface DecodeContext {
  /** 4 when both sides sent the capability for AS numbers of four octets (RFC 6793). */
  readonly asnBytes: 2 | 4;
  readonly ebgp: boolean;
  /** Largest message that was agreed upon. */
  readonly maxLength: number;
}

/** RFC 4271 §4; RFC 8654 raises it to 65,535 where both sides agree. */
export const MAX_MESSAGE_LENGTH = 4096;

/** Message types (RFC 4271 §4.1, RFC 2918). */
export const TYPE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

const SHORTEST: readonly number[] = [0, 29, 23, 21, 19, 23];

/**
 * The length of the message that begins at `offset`, once its header is there; checks marker, length
 * and type in this order (RFC 4271 §6.1).
 */
export function messageLength(
  bytes: Uint8Array,
  offset: number,
  available: number,
  maxLength: number,
): number | BgpFault | undefined {
  if (available < HEADER_LENGTH) return undefined;
  for (let index = 0; index < 16; index++) {
    if (bytes[offset + index] !== 0xff) {
      const answer = notification(CODE.header, 1);
      return bgpFault("bad-marker", "the marker is not all ones", offset + index, answer);
    }
  }
  const length = readU16(bytes, offset + 16);
  const type = bytes[offset + 18] ?? 0;
  const shortest = SHORTEST[type] ?? HEADER_LENGTH;
  const exact = type === TYPE.keepalive;
  if (length < HEADER_LENGTH || length > maxLength || length < shortest && type !== 5) {
    return badLength(length, type, offset);
  }
  if (exact && length !== shortest) return badLength(length, type, offset);
  if (type === 0 || type >= SHORTEST.length) {
    const answer = notification(CODE.header, 3, Uint8Array.of(type));
    return bgpFault("bad-type", `message type ${type} is not known`, offset + 18, answer);
  }
  return length;
}

/** RFC 4271 §6.1: the length as data. A malformed NOTIFICATION is never answered (§6.4). */
export function badLength(length: number, type: number, offset: number): BgpFault {
  const data = Uint8Array.of(length >> 8, length & 255);
  const answer = type === TYPE.notification ? undefined : notification(CODE.header, 2, data);
  return bgpFault("bad-length", `length ${length} for message type ${type}`, offset + 16, answer);
}

/** Writes marker, length and type at the start of a whole message. */
export function writeHeader(bytes: Uint8Array, length: number, type: number): void {
  bytes.fill(0xff, 0, 16);
  writeU16(bytes, 16, length);
  bytes[18] = type;
}

/** A message of the given body. */
export function encodeMessage(type: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_LENGTH + body.length);
  writeHeader(bytes, bytes.length, type);
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}
