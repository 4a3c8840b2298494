import { readU32, writeU32 } from "../net/ethernet.ts";

/** Session states (RFC 5880 §4.1), at their number on the wire. */
export const STATES = ["AdminDown", "Down", "Init", "Up"] as const;
export type BfdState = typeof STATES[number];

/** Diagnostic codes that Herald sends (RFC 5880 §4.1). */
export const DIAGNOSTIC = { none: 0, timeExpired: 1, neighborDown: 3, adminDown: 7 } as const;

/** A control packet without authentication (RFC 5880 §4.1); intervals in microseconds. */
export interface BfdPacket {
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  readonly detectMultiplier: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  readonly requiredMinEchoRxUs: number;
}

/** Why a packet is dropped: the checks of RFC 5880 §6.8.6, and those of the receiver. */
export const BFD_DROPS = [
  "truncated",
  "bad-version",
  "bad-length",
  "zero-multiplier",
  "multipoint",
  "zero-discriminator",
  "lost-discriminator",
  "authentication",
  "low-ttl",
  "unknown-session",
] as const;
export type BfdDrop = typeof BFD_DROPS[number];

export const BFD_LENGTH = 24;
const FLAG = { poll: 0x20, final: 0x10, independent: 0x08, auth: 0x04, demand: 0x02, multi: 0x01 };

/** Reads a control packet, or tells why it is to be dropped. Never throws. */
export function decodeBfd(bytes: Uint8Array): BfdPacket | BfdDrop {
  if (bytes.length < BFD_LENGTH) return "truncated";
  const [first = 0, second = 0, detectMultiplier = 0, length = 0] = bytes;
  if (first >> 5 !== 1) return "bad-version";
  if (length < BFD_LENGTH || length > bytes.length) return "bad-length";
  if (detectMultiplier === 0) return "zero-multiplier";
  if ((second & FLAG.multi) !== 0) return "multipoint";
  const state = STATES[second >> 6] ?? "AdminDown";
  const myDiscriminator = readU32(bytes, 4);
  const yourDiscriminator = readU32(bytes, 8);
  if (myDiscriminator === 0) return "zero-discriminator";
  if (yourDiscriminator === 0 && (state === "Init" || state === "Up")) return "lost-discriminator";
  if ((second & FLAG.auth) !== 0) return "authentication";
  return {
    diagnostic: first & 31,
    state,
    poll: (second & FLAG.poll) !== 0,
    final: (second & FLAG.final) !== 0,
    controlPlaneIndependent: (second & FLAG.independent) !== 0,
    demand: (second & FLAG.demand) !== 0,
    detectMultiplier,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTxUs: readU32(bytes, 12),
    requiredMinRxUs: readU32(bytes, 16),
    requiredMinEchoRxUs: readU32(bytes, 20),
  };
}

/** Writes a control packet. */
export function encodeBfd(packet: BfdPacket): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BFD_LENGTH);
  bytes[0] = (1 << 5) | packet.diagnostic;
  bytes[1] = (STATES.indexOf(packet.state) << 6) | (packet.poll ? FLAG.poll : 0) |
    (packet.final ? FLAG.final : 0) | (packet.demand ? FLAG.demand : 0) |
    (packet.controlPlaneIndependent ? FLAG.independent : 0);
  bytes[2] = packet.detectMultiplier;
  bytes[3] = BFD_LENGTH;
  writeU32(bytes, 4, packet.myDiscriminator);
  writeU32(bytes, 8, packet.yourDiscriminator);
  writeU32(bytes, 12, packet.desiredMinTxUs);
  writeU32(bytes, 16, packet.requiredMinRxUs);
  writeU32(bytes, 20, packet.requiredMinEchoRxUs);
  return bytes;
}
