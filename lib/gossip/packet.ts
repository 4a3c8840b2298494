import { crc32 } from "node:zlib";
import { isWireError, type WireError, wireError } from "../base/errors.ts";
import { readU16, readU32, writeU16, writeU32 } from "../net/ethernet.ts";
import { decodeMessage, type GossipMessage, TYPE } from "./message.ts";
import {
  compress,
  decompress,
  decrypt,
  encrypt,
  joined,
  labelHeader,
  withoutLabel,
} from "./seal.ts";

/** How packets are closed and opened; without keys they go in the clear. */
interface PacketOptions {
  /** The first one encrypts, each is tried to decrypt. */
  readonly keys: readonly Uint8Array[];
  /** Of the cluster; MetalLB sets none. */
  readonly label?: string;
}

export interface SealOptions extends PacketOptions {
  /** 12 octets that never come twice; needed with keys only. */
  readonly nonce?: Uint8Array;
  /** Only for a receiver that reads checksums. */
  readonly crc?: boolean;
  readonly compress?: boolean;
  readonly encryptionVersion?: 0 | 1;
}

const MAX_PARTS = 255;
/** A datagram of 1,400 octets holds no more that is worth reading. */
const MAX_DECOMPRESSED = 64 * 1024;
const MAX_DEPTH = 2;

/** Writes a datagram: compound, compress, checksum, encryption and label, as far as wanted. */
export function sealPacket(messages: readonly Uint8Array[], options: SealOptions): Uint8Array {
  const [first = new Uint8Array()] = messages;
  let bytes = messages.length === 1 ? first : compound(messages);
  if (options.compress) {
    const smaller = compress(bytes);
    if (smaller.length < bytes.length) bytes = smaller;
  }
  if (options.crc) {
    const header = new Uint8Array(5);
    header[0] = TYPE.hasCrc;
    writeU32(header, 1, crc32(bytes));
    bytes = joined([header, bytes]);
  }
  const { label = "", nonce, keys: [key] } = options;
  const name = new TextEncoder().encode(label);
  if (key !== undefined && nonce !== undefined) {
    bytes = encrypt(bytes, key, nonce, name, options.encryptionVersion);
  }
  return joined([labelHeader(label), bytes]);
}

function compound(messages: readonly Uint8Array[]): Uint8Array {
  if (messages.length > MAX_PARTS) throw new RangeError(`${messages.length} messages in a packet`);
  const header = new Uint8Array(2 + 2 * messages.length);
  header[0] = TYPE.compound;
  header[1] = messages.length;
  messages.forEach(({ length }, index) => writeU16(header, 2 + 2 * index, length));
  return joined([header, ...messages]);
}

/** Reads a datagram; for a malformed part there is a WireError among its neighbours. Total. */
export function openPacket(
  bytes: Uint8Array,
  options: PacketOptions,
): readonly (GossipMessage | WireError)[] | WireError {
  const { label = "", keys } = options;
  const unlabelled = withoutLabel(bytes, label);
  if (isWireError(unlabelled)) return unlabelled;
  const plain = keys.length === 0
    ? unlabelled
    : decrypt(unlabelled, keys, new TextEncoder().encode(label));
  if (isWireError(plain)) return plain;
  const checked = withoutChecksum(plain);
  return isWireError(checked) ? checked : openLayers(checked, 0, { octets: MAX_DECOMPRESSED });
}

function withoutChecksum(bytes: Uint8Array): Uint8Array | WireError {
  if (bytes[0] !== TYPE.hasCrc) return bytes;
  if (bytes.length < 5) return refuse("truncated", "a checksum cut short", bytes.length);
  const rest = bytes.subarray(5);
  return crc32(rest) === readU32(bytes, 1) ? rest : refuse("bad-checksum", "CRC-32", 1);
}

/** `room` is what all parts together may still expand to: one datagram holds 250 bombs. */
function openLayers(
  bytes: Uint8Array,
  depth: number,
  room: { octets: number },
): (GossipMessage | WireError)[] {
  const [type] = bytes;
  if (type !== TYPE.compress && type !== TYPE.compound) return [decodeMessage(bytes)];
  if (depth >= MAX_DEPTH) return [refuse("too-deep", "packets in packets in packets", 0)];
  if (type === TYPE.compress) {
    const plain = decompress(bytes, room.octets);
    if (isWireError(plain)) return [plain];
    room.octets -= plain.length;
    return openLayers(plain, depth + 1, room);
  }
  return parts(bytes).flatMap((part) =>
    isWireError(part) ? [part] : openLayers(part, depth + 1, room)
  );
}

function parts(bytes: Uint8Array): (Uint8Array | WireError)[] {
  const count = bytes[1] ?? 0;
  let at = 2 + 2 * count;
  if (at > bytes.length) return [refuse("truncated", "a compound's lengths cut short", 1)];
  const found: (Uint8Array | WireError)[] = [];
  for (let index = 0; index < count; index++) {
    const end = at + readU16(bytes, 2 + 2 * index);
    if (end > bytes.length) {
      found.push(refuse("truncated", "a part cut short", at));
      break;
    }
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}

function refuse(reason: WireError["reason"], detail: string, offset: number): WireError {
  return wireError("gossip", reason, detail, offset);
}
