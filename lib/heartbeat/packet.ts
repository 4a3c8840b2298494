import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { type WireError, wireError } from "../base/errors.ts";
import {
  type Mac,
  MAC_LENGTH,
  readMac,
  readU16,
  readU32,
  writeMac,
  writeU16,
  writeU32,
} from "../net/ethernet.ts";
import type { Ip, Ip4 } from "../net/ip.ts";
import { readIp6, writeIp6 } from "../net/octets6.ts";

/** What speakers tell each other about their addresses. */
export type Notice =
  /** The sender answers for these from now on; any other node that does falls silent. */
  | { readonly what: "claim"; readonly ips: readonly Ip[]; readonly macs: readonly Mac[] }
  /** The sender does not want these any more and falls silent as soon as another claims them. */
  | { readonly what: "release"; readonly ips: readonly Ip[] }
  /** The sender ends: others take its addresses now and acknowledge when they answer. */
  | { readonly what: "leaving" };

/** The body of a heartbeat packet. */
export type HeartbeatBody =
  /** "I am here"; the next one comes within `intervalMs`, and `multiplier` missing ones mean death. */
  | {
    readonly kind: "beat";
    readonly intervalMs: number;
    readonly multiplier: number;
    readonly canAnnounce: boolean;
    /** It beats to its neighbours in the ring alone. */
    readonly ringed: boolean;
    /** It sees less of the cluster than others do. */
    readonly stale: boolean;
  }
  /** "Do you hear this speaker?" */
  | { readonly kind: "query"; readonly id: number; readonly target: string }
  | { readonly kind: "answer"; readonly id: number; readonly heard: boolean }
  | {
    readonly kind: "notice";
    readonly id: number;
    readonly notice: Notice;
    /** As a beat says it, which it may overtake: two that claim one address must know it of each other. */
    readonly stale: boolean;
  }
  | { readonly kind: "ack"; readonly id: number }
  /** "I do not hear this speaker", said to all in the ring, and to itself. */
  | { readonly kind: "missed"; readonly target: string; readonly silentMs: number };

/** A packet: which node sent it, in which run of the process, and how many came before. */
export interface HeartbeatPacket {
  readonly sender: string;
  /** Random for each run; the gossip tells which one is right, so an old run's packets are void. */
  readonly boot: number;
  /** Grows with each packet of a run: what was recorded and is sent again is void. */
  readonly sequence: number;
  readonly body: HeartbeatBody;
}

const MAGIC = 0x4842;
const VERSION = 1;
const HEADER = 17;
const TAG_LENGTH = 16;
const KINDS = ["beat", "query", "answer", "notice", "ack", "missed"] as const;
const WHAT = ["claim", "release", "leaving"] as const;
/** Beside what a notice says. */
const STALE = 0x80;
/** Octets that every network carries unfragmented (RFC 8200 §5, less headers). */
const MAX_DATAGRAM = 1_232;
/** Addresses of one notice: 17 octets each at the most, with a long name and hardware addresses. */
export const MAX_NOTICE_IPS = 48;
export const MAX_NOTICE_MACS = 8;

/** The key by which packets are signed; it tells nothing of the gossip key that it comes from. */
export function heartbeatKey(gossipKey: Uint8Array | undefined): Uint8Array {
  return createHash("sha256").update("herald heartbeat 1").update(gossipKey ?? new Uint8Array())
    .digest();
}

/**
 * Writes a packet, signed with HMAC-SHA-256 cut to 16 octets (RFC 2104).
 *
 * ```
 *  0               1               2               3
 * +-------------------------------+---------------+---------------+
 * | magic 0x4842                  | version 1     | kind          |
 * +-------------------------------+---------------+---------------+
 * | boot                                                          |
 * | sequence (8)                                                  |
 * +---------------+-----------------------------------------------+
 * | name length   | name, body, 16 octets of signature            |
 * +---------------+-----------------------------------------------+
 * ```
 */
export function encodeHeartbeat(packet: HeartbeatPacket, key: Uint8Array): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(packet.sender);
  const bytes = new Uint8Array(MAX_DATAGRAM);
  const view = new DataView(bytes.buffer);
  writeU16(bytes, 0, MAGIC);
  bytes[2] = VERSION;
  bytes[3] = KINDS.indexOf(packet.body.kind);
  writeU32(bytes, 4, packet.boot);
  view.setBigUint64(8, BigInt(packet.sequence));
  bytes[16] = name.length;
  bytes.set(name, HEADER);
  const end = writeBody(packet.body, bytes, HEADER + name.length);
  bytes.set(signature(bytes.subarray(0, end), key), end);
  return bytes.slice(0, end + TAG_LENGTH);
}

function signature(signed: Uint8Array, key: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(signed).digest().subarray(0, TAG_LENGTH);
}

function writeBody(body: HeartbeatBody, bytes: Uint8Array, at: number): number {
  switch (body.kind) {
    case "beat":
      writeU16(bytes, at, body.intervalMs);
      bytes[at + 2] = body.multiplier;
      // Speakers that know of no ring take any other value than 1 for one that cannot announce.
      bytes[at + 3] = Number(body.canAnnounce) | Number(body.ringed) << 1 |
        Number(body.stale) << 2;
      return at + 4;
    case "query":
      return writeTarget(bytes, at, body.id, body.target);
    case "missed":
      return writeTarget(bytes, at, body.silentMs, body.target);
    case "answer":
      writeU32(bytes, at, body.id);
      bytes[at + 4] = Number(body.heard);
      return at + 5;
    case "notice":
      writeU32(bytes, at, body.id);
      return writeNotice(body, bytes, at + 4);
    case "ack":
      writeU32(bytes, at, body.id);
      return at + 4;
  }
}

function writeTarget(bytes: Uint8Array, at: number, value: number, name: string): number {
  const target = new TextEncoder().encode(name);
  writeU32(bytes, at, value);
  bytes[at + 4] = target.length;
  bytes.set(target, at + 5);
  return at + 5 + target.length;
}

function writeNotice(
  { notice, stale }: HeartbeatBody & { readonly kind: "notice" },
  bytes: Uint8Array,
  start: number,
): number {
  const ips = notice.what === "leaving" ? [] : notice.ips;
  const macs = notice.what === "claim" ? notice.macs : [];
  bytes[start] = WHAT.indexOf(notice.what) | (stale ? STALE : 0);
  bytes[start + 1] = ips.length;
  bytes[start + 2] = macs.length;
  let at = start + 3;
  for (const ip of ips) {
    bytes[at] = typeof ip === "number" ? 4 : 6;
    if (typeof ip === "number") writeU32(bytes, at + 1, ip);
    else writeIp6(bytes, at + 1, ip);
    at += typeof ip === "number" ? 5 : 17;
  }
  for (const mac of macs) {
    writeMac(bytes, at, mac);
    at += MAC_LENGTH;
  }
  return at;
}

/** Reads a packet that one of the keys signed; there are several while a key is changed. Total. */
export function decodeHeartbeat(
  bytes: Uint8Array,
  keys: readonly Uint8Array[],
): HeartbeatPacket | WireError {
  const end = bytes.length - TAG_LENGTH;
  if (end < HEADER) return refuse("truncated", `${bytes.length} octets`, bytes.length);
  if (readU16(bytes, 0) !== MAGIC) return refuse("bad-marker", "no heartbeat", 0);
  if (bytes[2] !== VERSION) return refuse("bad-version", `version ${bytes[2]}`, 2);
  const signed = bytes.subarray(0, end);
  if (!keys.some((key) => timingSafeEqual(signature(signed, key), bytes.subarray(end)))) {
    return refuse("bad-signature", "signed with another key", end);
  }
  const bodyAt = HEADER + (bytes[16] ?? 0);
  if (bodyAt > end) return refuse("bad-length", "the name goes beyond the end", 16);
  const body = readBody(signed, bodyAt);
  if (body === undefined) return refuse("bad-length", "the body does not fit", bodyAt);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    sender: new TextDecoder().decode(bytes.subarray(HEADER, bodyAt)),
    boot: readU32(bytes, 4),
    sequence: Number(view.getBigUint64(8)),
    body,
  };
}

/** A body that has other octets than its kind asks for is undefined. */
function readBody(bytes: Uint8Array, at: number): HeartbeatBody | undefined {
  const room = bytes.length - at;
  const id = readU32(bytes, at);
  const kind = KINDS[bytes[3] ?? -1];
  switch (kind) {
    case "beat": {
      if (room !== 4) return undefined;
      const signs = bytes[at + 3] ?? 0;
      return {
        kind: "beat",
        intervalMs: readU16(bytes, at),
        multiplier: bytes[at + 2] ?? 0,
        canAnnounce: (signs & 1) === 1,
        ringed: (signs & 2) === 2,
        stale: (signs & 4) === 4,
      };
    }
    case "query":
    case "missed": {
      if (room < 5 || room !== 5 + (bytes[at + 4] ?? 0)) return undefined;
      const target = new TextDecoder().decode(bytes.subarray(at + 5));
      return kind === "query" ? { kind, id, target } : { kind, silentMs: id, target };
    }
    case "answer":
      return room === 5 ? { kind: "answer", id, heard: bytes[at + 4] === 1 } : undefined;
    case "notice": {
      const notice = room < 7 ? undefined : readNotice(bytes, at + 4);
      return notice && { kind: "notice", id, notice, stale: ((bytes[at + 4] ?? 0) & STALE) !== 0 };
    }
    case "ack":
      return room === 4 ? { kind: "ack", id } : undefined;
    default:
      return undefined;
  }
}

function readNotice(bytes: Uint8Array, start: number): Notice | undefined {
  const what = WHAT[(bytes[start] ?? STALE) & ~STALE];
  const ips: Ip[] = [];
  const macs: Mac[] = [];
  let at = start + 3;
  for (let count = bytes[start + 1] ?? 0; count > 0; count--) {
    const isIp4 = bytes[at] === 4;
    if (!isIp4 && bytes[at] !== 6) return undefined;
    ips.push(isIp4 ? readU32(bytes, at + 1) as Ip4 : readIp6(bytes, at + 1));
    at += isIp4 ? 5 : 17;
  }
  for (let count = bytes[start + 2] ?? 0; count > 0; count--) {
    macs.push(readMac(bytes, at));
    at += MAC_LENGTH;
  }
  if (what === undefined || at !== bytes.length) return undefined;
  if (what === "leaving") return { what };
  return what === "release" ? { what, ips } : { what, ips, macs };
}

function refuse(reason: WireError["reason"], detail: string, offset: number): WireError {
  return wireError("heartbeat", reason, detail, offset);
}
