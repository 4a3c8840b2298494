/** The head of a request, without what no page of Herald's looks at. */
export interface RequestHead {
  readonly method: "GET" | "HEAD";
  readonly path: string;
  /** After the `?`, without it. */
  readonly query: string;
  /** As it was asked for; undefined in HTTP/1.0, which need not say. */
  readonly host: string | undefined;
  /** By lower-case names; those that stand twice are joined. */
  readonly fields: ReadonlyMap<string, string>;
  /** Whether the other side may ask again on the same connection. */
  readonly keepAlive: boolean;
}

/** What the bytes of a connection are so far. */
export type HeadReading =
  | { readonly kind: "more" }
  | { readonly kind: "request"; readonly head: RequestHead; readonly bytes: number }
  | Refusal;

/** Why a request gets no page. */
export interface Refusal {
  readonly kind: "refused";
  readonly status: number;
  readonly reason: string;
}

/** What stands before a body; whoever sends more has no question that Herald answers. */
export const LONGEST_HEAD_BYTES = 8_192;

const LF = 10;
const CR = 13;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const NO_BODY = /^0+$/;
const ABSOLUTE = /^https?:\/\/([^/?#]+)(.*)$/i;

/**
 * Reads the head of an HTTP/1 request (RFC 9112 §3 to §6). `searched` bytes are known to hold no end
 * of it. Strict where two readers could differ: a proxy in front must see the same requests.
 */
export function readHead(bytes: Uint8Array, searched = 0): HeadReading {
  const start = leadingBlank(bytes);
  const end = endOfHead(bytes, Math.max(start, searched - 3));
  if (end === undefined) {
    return bytes.length < LONGEST_HEAD_BYTES
      ? { kind: "more" }
      : refuse(431, `the head is longer than ${LONGEST_HEAD_BYTES} bytes`);
  }
  const [first = "", ...rest] = latin1(bytes, start, end).split("\r\n");
  const line = REQUEST_LINE.exec(first);
  if (line === null) return refuse(400, "the first line is none of HTTP/1");
  const [, method = "", target = "", major, minor] = line;
  if (major !== "1") return refuse(505, "only HTTP/1 is spoken here");
  if (method !== "GET" && method !== "HEAD") return refuse(405, "only GET and HEAD are answered");
  const fields = readFields(rest);
  if (fields === undefined) return refuse(400, "a header line is malformed");
  if (fields.has("transfer-encoding") || !NO_BODY.test(fields.get("content-length") ?? "0")) {
    return refuse(400, "a request with a body is not answered");
  }
  const absolute = ABSOLUTE.exec(target);
  const host = absolute?.[1] ?? fields.get("host");
  if (host === undefined && minor !== "0") return refuse(400, "the Host header is missing");
  const local = absolute === null ? target : absolute[2] || "/";
  if (!local.startsWith("/") && !local.startsWith("?")) return refuse(400, "the target is no path");
  const cut = local.indexOf("?");
  return {
    kind: "request",
    bytes: end + 4,
    head: {
      method,
      path: (cut === -1 ? local : local.slice(0, cut)) || "/",
      query: cut === -1 ? "" : local.slice(cut + 1),
      host,
      fields,
      keepAlive: minor !== "0" && !/\bclose\b/i.test(fields.get("connection") ?? ""),
    },
  };
}

/** By lower-case names; undefined when a line is malformed, or the Host stands twice. */
function readFields(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const key = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1);
    if (!NAME.test(key) || !VALUE.test(value)) return undefined;
    const before = fields.get(key);
    if (before !== undefined && key === "host") return undefined;
    fields.set(key, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  return fields;
}

/** Empty lines before a request are left over from the one before (RFC 9112 §2.2). */
function leadingBlank(bytes: Uint8Array): number {
  let at = 0;
  while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  return at;
}

/** Where the last header line ends. */
function endOfHead(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(CR, from); at !== -1; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at;
  }
  return undefined;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

function refuse(status: number, reason: string): Refusal {
  return { kind: "refused", status, reason };
}
