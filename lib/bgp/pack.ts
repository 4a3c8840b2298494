import { writeU16 } from "../net/ethernet.ts";
import type { Family, Ip } from "../net/ip.ts";
import type { Prefix } from "../net/prefix.ts";
import { ATTRIBUTE, FLAG } from "./attribute.ts";
import { mpReachHead } from "./attribute_encode.ts";
import { HEADER_LENGTH, TYPE, writeHeader } from "./frame.ts";
import { afiOf, prefixBytes, writePrefix } from "./nlri.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** How a family's routes of equal attributes are written. */
export interface RouteForm {
  readonly family: Family;
  /** All attributes but MP_REACH_NLRI; with NEXT_HOP where the prefixes are at the end. */
  readonly attributes: Uint8Array;
  /** Next hops for MP_REACH_NLRI; undefined writes IPv4 prefixes at the end of the message. */
  readonly mpNextHops: readonly Ip[] | undefined;
}

const MP_REACH_FLAGS = FLAG.optional | FLAG.extended;
/** Flags, code and a length of two octets. */
const LONG_HEAD = 4;

/** Packs routes of equal attributes into as few messages as hold them, none above `maxLength`. */
export function packRoutes(
  form: RouteForm,
  prefixes: readonly Prefix[],
  maxLength: number,
): Bytes[] {
  const { attributes, mpNextHops, family } = form;
  if (mpNextHops === undefined) {
    const start = HEADER_LENGTH + 4 + attributes.length;
    return pack(prefixes, maxLength, start, 0, (bytes) => {
      writeU16(bytes, HEADER_LENGTH, 0);
      writeU16(bytes, HEADER_LENGTH + 2, attributes.length);
      bytes.set(attributes, HEADER_LENGTH + 4);
    });
  }
  const head = mpReachHead(afiOf(family), 1, mpNextHops);
  // MP_REACH_NLRI comes first, so that a receiver finds the prefixes whatever follows (RFC 7606 §5.1).
  const start = HEADER_LENGTH + 4 + LONG_HEAD + head.length;
  return pack(prefixes, maxLength, start, attributes.length, (bytes, end) => {
    writeU16(bytes, HEADER_LENGTH, 0);
    writeU16(bytes, HEADER_LENGTH + 2, end - HEADER_LENGTH - 4 + attributes.length);
    bytes[HEADER_LENGTH + 4] = MP_REACH_FLAGS;
    bytes[HEADER_LENGTH + 5] = ATTRIBUTE.mpReach;
    writeU16(bytes, HEADER_LENGTH + 6, end - HEADER_LENGTH - 4 - LONG_HEAD);
    bytes.set(head, HEADER_LENGTH + 4 + LONG_HEAD);
    bytes.set(attributes, end);
  });
}

/** Packs prefixes to be withdrawn; `mp` writes them as MP_UNREACH_NLRI, as IPv6 always is. */
export function packWithdrawals(
  family: Family,
  prefixes: readonly Prefix[],
  maxLength: number,
  mp: boolean = family === 6,
): Bytes[] {
  if (!mp) {
    return pack(prefixes, maxLength, HEADER_LENGTH + 2, 2, (bytes, end) => {
      writeU16(bytes, HEADER_LENGTH, end - HEADER_LENGTH - 2);
      writeU16(bytes, end, 0);
    });
  }
  const start = HEADER_LENGTH + 4 + LONG_HEAD + 3;
  return pack(prefixes, maxLength, start, 0, (bytes, end) => {
    writeU16(bytes, HEADER_LENGTH, 0);
    writeU16(bytes, HEADER_LENGTH + 2, end - HEADER_LENGTH - 4);
    bytes[HEADER_LENGTH + 4] = MP_REACH_FLAGS;
    bytes[HEADER_LENGTH + 5] = ATTRIBUTE.mpUnreach;
    writeU16(bytes, HEADER_LENGTH + 6, end - HEADER_LENGTH - 4 - LONG_HEAD);
    writeU16(bytes, HEADER_LENGTH + 8, afiOf(family));
    bytes[HEADER_LENGTH + 10] = 1;
  });
}

/**
 * Writes prefixes from `start` on until the next one would leave less than `tail` bytes; `complete`
 * then writes what comes before and after them.
 */
function pack(
  prefixes: readonly Prefix[],
  maxLength: number,
  start: number,
  tail: number,
  complete: (bytes: Uint8Array, end: number) => void,
): Bytes[] {
  const messages: Bytes[] = [];
  const scratch = new Uint8Array(maxLength);
  let end = start;
  const emit = () => {
    writeHeader(scratch, end + tail, TYPE.update);
    complete(scratch, end);
    messages.push(scratch.slice(0, end + tail));
    end = start;
  };
  for (const prefix of prefixes) {
    if (end + prefixBytes(prefix.length) + tail > maxLength) emit();
    end = writePrefix(scratch, end, prefix);
  }
  if (end > start) emit();
  return messages;
}
