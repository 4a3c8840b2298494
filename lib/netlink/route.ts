import { type WireError, wireError } from "../base/errors.ts";
import { MAC_LENGTH, readMac } from "../net/ethernet.ts";
import type { Link } from "./link.ts";

/** Bits of sockaddr_nl's groups: interfaces that come, change and go, and their addresses. */
export const GROUPS = 1 | 0x10 | 0x100;

const HEADER = 16;
const LINK_BODY = 16;
const ATTRIBUTE_HEADER = 4;

const TYPE = {
  error: 2,
  done: 3,
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
} as const;
const FLAG = { multi: 2, interrupted: 0x10, dumpRequest: 0x301 } as const;
const ATTRIBUTE = {
  mac: 1,
  name: 3,
  parent: 5,
  master: 10,
  linkInfo: 18,
  extendedMask: 29,
  parentNamespace: 37,
} as const;
const INFO_KIND = 1;
/** Kinds that see the frames of the interface they are made on. */
const SHARING_KINDS: readonly string[] = ["macvlan", "macvtap", "ipvlan", "ipvtap"];
/** IFLA_EXT_MASK: without counters a message is half as long. */
const SKIP_STATISTICS = 8;
const INTERFACE = { up: 1, broadcast: 2, loopback: 8, running: 0x40, noArp: 0x80 } as const;
/** The upper two bits of an attribute's type are flags: nested, network order. */
const TYPE_MASK = 0x3fff;
const ARPHRD_ETHER = 1;

/** One message of the kernel. `sequence` is that of the request which it answers, else 0. */
export type RouteMessage =
  | {
    readonly kind: "link";
    readonly link: Link;
    readonly sequence: number;
    /** Part of an answer to a dump; a change that just happened otherwise. */
    readonly dumped: boolean;
    /** The interfaces changed while they were being listed (NLM_F_DUMP_INTR). */
    readonly interrupted: boolean;
  }
  | { readonly kind: "linkGone"; readonly ifindex: number }
  /** An interface has an address more or less; which ones it has must be asked. */
  | { readonly kind: "addresses" }
  | {
    readonly kind: "done";
    readonly sequence: number;
    readonly errno: number;
    readonly interrupted: boolean;
  }
  /** `errno` 0 is an acknowledgement. */
  | { readonly kind: "error"; readonly sequence: number; readonly errno: number }
  | { readonly kind: "other"; readonly type: number };

/** A request for all interfaces (RTM_GETLINK with NLM_F_DUMP), which the answers repeat by number. */
export function linkDumpRequest(sequence: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + LINK_BODY + ATTRIBUTE_HEADER + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, TYPE.getLink, true);
  view.setUint16(6, FLAG.dumpRequest, true);
  view.setUint32(8, sequence, true);
  view.setUint16(HEADER + LINK_BODY, ATTRIBUTE_HEADER + 4, true);
  view.setUint16(HEADER + LINK_BODY + 2, ATTRIBUTE.extendedMask, true);
  view.setUint32(HEADER + LINK_BODY + ATTRIBUTE_HEADER, SKIP_STATISTICS, true);
  return bytes;
}

/**
 * Reads a datagram of rtnetlink (rtnetlink(7)), host order. For a message that is malformed
 * inside there is a WireError among its neighbours; a bad length ends the list, for what follows
 * has no known beginning.
 *
 * ```
 *  0               1               2               3
 * +-------------------------------+-------------------------------+
 * | length, this header included                                  |
 * +-------------------------------+-------------------------------+
 * | type                          | flags                         |
 * +-------------------------------+-------------------------------+
 * | sequence number                                               |
 * | port of the asker                                             |
 * +---------------------------------------------------------------+
 * | body, attributes: u16 length, u16 type, value; padded to 4    |
 * ```
 */
export function decodeRoute(datagram: Uint8Array): (RouteMessage | WireError)[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: (RouteMessage | WireError)[] = [];
  let at = 0;
  while (at < datagram.length) {
    if (datagram.length - at < HEADER) {
      messages.push(refuse("truncated", `${datagram.length - at} of ${HEADER} octets`, at));
      break;
    }
    const length = view.getUint32(at, true);
    if (length < HEADER || length > datagram.length - at) {
      const reason = length < HEADER ? "bad-length" : "truncated";
      const room = datagram.length - at;
      messages.push(refuse(reason, `message of ${length} octets where ${room} are`, at));
      break;
    }
    messages.push(decodeMessage(new DataView(view.buffer, view.byteOffset + at, length), at));
    at += aligned(length);
  }
  return messages;
}

function decodeMessage(view: DataView, offset: number): RouteMessage | WireError {
  const type = view.getUint16(4, true);
  const flags = view.getUint16(6, true);
  const sequence = view.getUint32(8, true);
  const interrupted = (flags & FLAG.interrupted) !== 0;
  switch (type) {
    case TYPE.done: {
      const errno = view.byteLength < HEADER + 4 ? 0 : errnoOf(view);
      return { kind: "done", sequence, errno, interrupted };
    }
    case TYPE.error:
      if (view.byteLength < HEADER + 4) return shortBody(view, HEADER + 4, offset);
      return { kind: "error", sequence, errno: errnoOf(view) };
    case TYPE.newLink:
    case TYPE.deleteLink: {
      if (view.byteLength < HEADER + LINK_BODY) return shortBody(view, HEADER + LINK_BODY, offset);
      // AF_BRIDGE tells of ports, not of interfaces: its DELLINK must not remove one.
      if (view.getUint8(HEADER) !== 0) return { kind: "other", type };
      if (type === TYPE.deleteLink) {
        return { kind: "linkGone", ifindex: view.getInt32(HEADER + 4, true) };
      }
      const link = decodeLink(view, offset);
      if (link === undefined) return { kind: "other", type };
      if (link.kind === "wire-error") return link;
      const dumped = (flags & FLAG.multi) !== 0;
      return { kind: "link", link: link.link, sequence, dumped, interrupted };
    }
    case TYPE.newAddress:
    case TYPE.deleteAddress:
      return { kind: "addresses" };
    default:
      return { kind: "other", type };
  }
}

/** The kernel writes error numbers below zero. */
function errnoOf(view: DataView): number {
  return Math.abs(view.getInt32(HEADER, true));
}

/** Undefined for wireless events, which come as RTM_NEWLINK without the interface's description. */
function decodeLink(
  view: DataView,
  offset: number,
): { readonly kind: "link"; readonly link: Link } | WireError | undefined {
  const attributes = readAttributes(view, HEADER + LINK_BODY, view.byteLength, offset);
  if (!(attributes instanceof Map)) return attributes;
  const name = attributes.get(ATTRIBUTE.name);
  if (name === undefined) return undefined;
  const info = attributes.get(ATTRIBUTE.linkInfo);
  const nested = info && readAttributes(info, 0, info.byteLength, offset);
  const kindText = nested instanceof Map ? nested.get(INFO_KIND) : undefined;
  const kind = kindText && textOf(kindText);
  const isSharing = kind !== undefined && SHARING_KINDS.includes(kind);
  // An index of another namespace says nothing here.
  const parent = isSharing && !attributes.has(ATTRIBUTE.parentNamespace)
    ? attributes.get(ATTRIBUTE.parent)
    : undefined;
  const master = attributes.get(ATTRIBUTE.master);
  const mac = attributes.get(ATTRIBUTE.mac);
  const flags = view.getUint32(HEADER + 8, true);
  const isEthernet = view.getUint16(HEADER + 2, true) === ARPHRD_ETHER;
  return {
    kind: "link",
    link: {
      ifindex: view.getInt32(HEADER + 4, true),
      name: textOf(name),
      mac: isEthernet && mac?.byteLength === MAC_LENGTH ? readMac(octetsOf(mac), 0) : undefined,
      up: (flags & INTERFACE.up) !== 0,
      running: (flags & INTERFACE.running) !== 0,
      broadcast: (flags & INTERFACE.broadcast) !== 0,
      noArp: (flags & INTERFACE.noArp) !== 0,
      loopback: (flags & INTERFACE.loopback) !== 0,
      master: indexOf(master),
      kind,
      sharesCableOf: indexOf(parent),
    },
  };
}

function indexOf(attribute: DataView | undefined): number | undefined {
  return attribute?.byteLength === 4 ? attribute.getUint32(0, true) || undefined : undefined;
}

/** Attributes by type; of several of one type the last. `offset` is the message's, for errors. */
function readAttributes(
  view: DataView,
  from: number,
  to: number,
  offset: number,
): Map<number, DataView> | WireError {
  const attributes = new Map<number, DataView>();
  let at = from;
  while (at < to) {
    const room = to - at;
    if (room < ATTRIBUTE_HEADER) {
      return refuse("truncated", `attribute header of ${room} octets`, offset + at);
    }
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER || length > room) {
      return refuse("bad-length", `attribute of ${length} octets where ${room} are`, offset + at);
    }
    const value = view.byteOffset + at + ATTRIBUTE_HEADER;
    attributes.set(
      view.getUint16(at + 2, true) & TYPE_MASK,
      new DataView(view.buffer, value, length - ATTRIBUTE_HEADER),
    );
    at += aligned(length);
  }
  return attributes;
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** C's text: up to the first zero octet. */
function textOf(view: DataView): string {
  const octets = octetsOf(view);
  const end = octets.indexOf(0);
  return new TextDecoder().decode(octets.subarray(0, end < 0 ? octets.length : end));
}

function octetsOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function shortBody(view: DataView, wanted: number, offset: number): WireError {
  return refuse("truncated", `${view.byteLength} of ${wanted} octets`, offset);
}

function refuse(reason: "truncated" | "bad-length", detail: string, offset: number): WireError {
  return wireError("netlink", reason, detail, offset);
}
