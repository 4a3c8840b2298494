import { isWireError, type WireError, wireError } from "../base/errors.ts";
import { readU32, writeU32 } from "../net/ethernet.ts";
import {
  decodeMessage,
  encodeNodeState,
  type GossipMessage,
  type NodeState,
  readNodeState,
  TYPE,
} from "./message.ts";
import { decodeMaps, encodeMap, numberOf } from "./msgpack.ts";
import type { SealOptions } from "./packet.ts";
import {
  compress,
  decompress,
  decrypt,
  encrypt,
  joined,
  labelHeader,
  withoutLabel,
} from "./seal.ts";

/** What one side of a TCP connection said. */
export type StreamContent =
  | {
    readonly kind: "pushPull";
    readonly join: boolean;
    readonly nodes: readonly NodeState[];
    /** Records that could not be read; they do not spoil the others. */
    readonly refused: readonly WireError[];
  }
  | GossipMessage;

interface StreamOptions extends SealOptions {
  /** The side that answers writes no label, though it seals with it. */
  readonly answering?: boolean;
}

/** memberlist's limit for a stream. */
export const MAX_STREAM = 20 << 20;
const MAX_NODES = 65_536;

/** Writes this node's states: type, header, records, no user state. */
export function encodePushPull(join: boolean, nodes: readonly NodeState[]): Uint8Array {
  return joined([
    Uint8Array.of(TYPE.pushPull),
    encodeMap([["Join", join], ["Nodes", nodes.length], ["UserStateLen", 0]]),
    ...nodes.map(encodeNodeState),
  ]);
}

/** Seals the body of a stream: label, encryption and compression as far as wanted. */
export function sealStream(body: Uint8Array, options: StreamOptions): Uint8Array {
  const { label = "", nonce, answering = false, keys: [key] } = options;
  const smaller = options.compress ? compress(body) : body;
  let bytes = options.compress ? smaller : body;
  if (key !== undefined && nonce !== undefined) {
    const overhead = 1 + 12 + 16;
    const version = options.encryptionVersion ?? 1;
    const length = version === 0 ? bytes.length + 16 - bytes.length % 16 : bytes.length;
    const header = new Uint8Array(5);
    header[0] = TYPE.encrypt;
    writeU32(header, 1, length + overhead);
    const additional = joined([header, new TextEncoder().encode(label)]);
    bytes = joined([header, encrypt(bytes, key, nonce, additional, version)]);
  }
  return answering ? bytes : joined([labelHeader(label), bytes]);
}

/** Reads what has come so far of one side; "incomplete" until all is there. Total. */
export function openStream(
  bytes: Uint8Array,
  options: StreamOptions,
): StreamContent | "incomplete" | WireError {
  const { label = "", keys, answering = false } = options;
  if (bytes.length === 0) return "incomplete";
  if (bytes[0] === TYPE.label && bytes.length < 2 + (bytes[1] ?? 0)) return "incomplete";
  const unlabelled = withoutLabel(bytes, label, answering);
  if (isWireError(unlabelled)) return unlabelled;
  const plain = opened(unlabelled, keys, label);
  if (plain === "incomplete" || isWireError(plain)) return plain;
  if (plain[0] !== TYPE.compress) return readContent(plain);
  const fields = decodeMaps(plain.subarray(1), () => 1);
  if (fields === undefined) return "incomplete";
  if (isWireError(fields)) return fields;
  const larger = decompress(plain, MAX_STREAM);
  return isWireError(larger) ? larger : readContent(larger);
}

function opened(
  bytes: Uint8Array,
  keys: readonly Uint8Array[],
  label: string,
): Uint8Array | "incomplete" | WireError {
  const isEncrypted = bytes[0] === TYPE.encrypt;
  if (!isEncrypted && keys.length === 0) return bytes;
  if (!isEncrypted) return refuse("not-encrypted", "a stream in the clear, and we have a key", 0);
  if (keys.length === 0) return refuse("bad-key", "an encrypted stream, and we have no key", 0);
  if (bytes.length < 5) return "incomplete";
  const length = readU32(bytes, 1);
  if (length > MAX_STREAM) return refuse("too-large", `${length} octets announced`, 1);
  if (bytes.length < 5 + length) return "incomplete";
  const additional = joined([bytes.subarray(0, 5), new TextEncoder().encode(label)]);
  return decrypt(bytes.subarray(5, 5 + length), keys, additional);
}

function readContent(plain: Uint8Array): StreamContent | "incomplete" | WireError {
  const body = plain.subarray(1);
  if (plain[0] === TYPE.pushPull) return readPushPull(body);
  const maps = decodeMaps(body, () => 1);
  if (maps === undefined) return "incomplete";
  if (isWireError(maps)) return maps;
  if (plain[0] !== TYPE.user) return decodeMessage(plain);
  const length = numberOf(maps[0]?.UserMsgLen);
  const header = encodeMap([["UserMsgLen", length]]).length;
  if (length > MAX_STREAM) return refuse("too-large", `${length} octets announced`, 1);
  if (body.length < header + length) return "incomplete";
  return { kind: "user", payload: body.slice(header, header + length) };
}

function readPushPull(body: Uint8Array): StreamContent | "incomplete" | WireError {
  // Before the members are waited for: their number and what follows may be beyond all measure.
  const told = decodeMaps(body, () => 1);
  if (told === undefined) return "incomplete";
  if (isWireError(told)) return told;
  const [nodes, userState] = [numberOf(told[0]?.Nodes), numberOf(told[0]?.UserStateLen)];
  if (nodes > MAX_NODES) return refuse("too-large", `${nodes} members announced`, 1);
  if (userState > MAX_STREAM) return refuse("too-large", `${userState} octets announced`, 1);
  const countOf = () => 1 + nodes;
  const maps = decodeMaps(body, countOf);
  if (maps === undefined) return "incomplete";
  if (isWireError(maps)) return maps;
  const [header, ...records] = maps;
  const read = records.map(readNodeState);
  return {
    kind: "pushPull",
    join: header?.Join === true,
    nodes: read.filter((one): one is NodeState => !isWireError(one)),
    refused: read.filter(isWireError),
  };
}

function refuse(reason: WireError["reason"], detail: string, offset: number): WireError {
  return wireError("gossip", reason, detail, offset);
}
