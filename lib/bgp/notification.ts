import { type WireError, wireError, type WireReason } from "../base/errors.ts";

/** What ends a session (RFC 4271 §4.5): code, subcode and data. */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** NOTIFICATION codes (RFC 4271 §4.5, RFC 7313, RFC 9687). */
export const CODE = {
  header: 1,
  open: 2,
  update: 3,
  holdTimer: 4,
  stateMachine: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimer: 8,
} as const;

/** Subcodes of Cease (RFC 4486, RFC 8538, RFC 9384). */
export const CEASE = {
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  configurationChange: 6,
  collision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;

const NO_DATA = new Uint8Array(0);
/** RFC 9003: the text of a shutdown takes at most 255 bytes, and its length one. */
const MAX_SHUTDOWN_BYTES = 255;

const CODE_NAMES = [
  "",
  "message header error",
  "OPEN message error",
  "UPDATE message error",
  "hold timer expired",
  "state machine error",
  "cease",
  "ROUTE-REFRESH message error",
  "send hold timer expired",
];
const SUBCODE_NAMES: Readonly<Record<number, readonly string[]>> = {
  1: ["unspecific", "connection not synchronized", "bad message length", "bad message type"],
  2: [
    "unspecific",
    "unsupported version number",
    "bad peer AS",
    "bad BGP identifier",
    "unsupported optional parameter",
    "authentication failure",
    "unacceptable hold time",
    "unsupported capability",
    "",
    "",
    "",
    "role mismatch",
  ],
  3: [
    "unspecific",
    "malformed attribute list",
    "unrecognized well-known attribute",
    "missing well-known attribute",
    "attribute flags error",
    "attribute length error",
    "invalid ORIGIN",
    "AS routing loop",
    "invalid NEXT_HOP",
    "optional attribute error",
    "invalid network field",
    "malformed AS_PATH",
  ],
  5: ["unspecific", "unexpected in OpenSent", "unexpected in OpenConfirm", "in Established"],
  6: [
    "unspecific",
    "maximum number of prefixes",
    "administrative shutdown",
    "peer de-configured",
    "administrative reset",
    "connection rejected",
    "other configuration change",
    "connection collision",
    "out of resources",
    "hard reset",
    "BFD down",
  ],
  7: ["unspecific", "invalid length"],
};

/** Makes a NOTIFICATION. */
export function notification(
  code: number,
  subcode: number,
  data: Uint8Array = NO_DATA,
): Notification {
  return { code, subcode, data };
}

/** A Cease with a reason for the other side's log (RFC 9003); a longer text is cut between letters. */
export function shutdown(subcode: number, text: string): Notification {
  const room = new Uint8Array(MAX_SHUTDOWN_BYTES);
  const { written } = new TextEncoder().encodeInto(text, room);
  const data = new Uint8Array(1 + written);
  data[0] = written;
  data.set(room.subarray(0, written), 1);
  return notification(CODE.cease, subcode, data);
}

/** The text that came with a shutdown or reset; undefined when there is none or it is invalid. */
export function shutdownText({ code, subcode, data }: Notification): string | undefined {
  const spoken = subcode === CEASE.administrativeShutdown || subcode === CEASE.administrativeReset;
  const [length = 0] = data;
  if (code !== CODE.cease || !spoken || length === 0 || length + 1 > data.length) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data.subarray(1, 1 + length));
  } catch {
    return undefined;
  }
}

/** `6/2 cease: administrative shutdown ("text")`, as an engineer reads it. */
export function formatNotification(given: Notification): string {
  const { code, subcode, data } = given;
  const name = CODE_NAMES[code] || "unknown error";
  const detail = SUBCODE_NAMES[code]?.[subcode];
  const text = shutdownText(given);
  const said = text === undefined
    ? data.length === 0 ? "" : ` (data ${hex(data.subarray(0, 64))})`
    : ` (${JSON.stringify(text)})`;
  return `${code}/${subcode} ${name}${detail === undefined ? "" : `: ${detail}`}${said}`;
}

/** Two lower-case digits for each byte. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A message that cannot be used. It ends the session; `answer` is what the peer is told, if anything. */
export interface BgpFault extends WireError {
  readonly answer: Notification | undefined;
}

/** Builds a {@link BgpFault}. */
export function bgpFault(
  reason: WireReason,
  detail: string,
  offset: number,
  answer: Notification | undefined,
): BgpFault {
  return { ...wireError("bgp", reason, detail, offset), answer };
}
