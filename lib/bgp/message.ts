import { readU16 } from "../net/ethernet.ts";
import { badLength, type DecodeContext, encodeMessage, messageLength, TYPE } from "./frame.ts";
import { type BgpFault, bgpFault, CODE, type Notification, notification } from "./notification.ts";
import { decodeOpen, type Open } from "./open.ts";
import { decodeUpdate, type Update } from "./update.ts";

/** A request to send a family's routes again; subtypes 1 and 2 enclose the answer (RFC 7313). */
interface RouteRefresh {
  readonly kind: "route-refresh";
  readonly afi: number;
  readonly subtype: number;
  readonly safi: number;
}

export type Message =
  | Open
  | Update
  | { readonly kind: "notification"; readonly notification: Notification }
  | { readonly kind: "keepalive" }
  | RouteRefresh;

/** Decodes one whole message whose header {@link messageLength} has checked. Never throws. */
export function decodeMessage(bytes: Uint8Array, context: DecodeContext): Message | BgpFault {
  const length = messageLength(bytes, 0, bytes.length, context.maxLength);
  if (length === undefined) return bgpFault("truncated", "no whole header", 0, undefined);
  if (typeof length !== "number") return length;
  if (length !== bytes.length) return badLength(length, bytes[18] ?? 0, 0);
  switch (bytes[18]) {
    case TYPE.open:
      return decodeOpen(bytes);
    case TYPE.update:
      return decodeUpdate(bytes, context);
    case TYPE.notification:
      return { kind: "notification", notification: decodeNotification(bytes) };
    case TYPE.routeRefresh:
      return decodeRouteRefresh(bytes);
    default:
      return { kind: "keepalive" };
  }
}

function decodeNotification(bytes: Uint8Array): Notification {
  return { code: bytes[19] ?? 0, subcode: bytes[20] ?? 0, data: bytes.slice(21) };
}

function decodeRouteRefresh(bytes: Uint8Array): RouteRefresh | BgpFault {
  const subtype = bytes[21] ?? 0;
  if (bytes.length !== 23) {
    // RFC 7313 §5 names the fault for the marks; for the request itself it is the header's.
    const answer = subtype === 1 || subtype === 2
      ? notification(CODE.routeRefresh, 1, bytes.slice(0, 255))
      : notification(CODE.header, 2, bytes.slice(16, 18));
    return bgpFault("bad-length", `ROUTE-REFRESH of ${bytes.length} bytes`, 16, answer);
  }
  return { kind: "route-refresh", afi: readU16(bytes, 19), subtype, safi: bytes[22] ?? 0 };
}

/** RFC 4271 §4.4: a header alone. */
export function encodeKeepalive(): Uint8Array<ArrayBuffer> {
  return encodeMessage(TYPE.keepalive, new Uint8Array(0));
}

/** RFC 4271 §4.5. */
export function encodeNotification({ code, subcode, data }: Notification): Uint8Array<ArrayBuffer> {
  return encodeMessage(TYPE.notification, Uint8Array.of(code, subcode, ...data));
}

/** RFC 2918 §3 and RFC 7313 §3.2. */
export function encodeRouteRefresh(
  { afi, subtype, safi }: Omit<RouteRefresh, "kind">,
): Uint8Array<ArrayBuffer> {
  return encodeMessage(TYPE.routeRefresh, Uint8Array.of(afi >> 8, afi & 255, subtype, safi));
}
