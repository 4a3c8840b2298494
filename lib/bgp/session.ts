import type { Instant } from "../base/time.ts";
import type { Family, Ip4 } from "../net/ip.ts";
import type { Message } from "./message.ts";
import type { Negotiated, SessionTerms } from "./negotiate.ts";
import type { BgpFault, Notification } from "./notification.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** States of RFC 4271 §8.2.2; Active does not occur, for Herald only connects out. */
export type Phase = "Idle" | "Connect" | "OpenSent" | "OpenConfirm" | "Established";

/** One session. Only the machine (`fsm`) writes. */
export interface Session {
  readonly terms: SessionTerms;
  phase: Phase;
  /** Failures in a row since the session was last established. */
  failures: number;
  /** True until a session was established: the first OPEN after a start says restarting. */
  restarting: boolean;
  routerId: Ip4 | undefined;
  negotiated: Negotiated | undefined;
  /** When to connect again; only in Idle, and undefined there when stopped. */
  retryAt: Instant | undefined;
  connectDeadline: Instant | undefined;
  holdDeadline: Instant | undefined;
  keepaliveAt: Instant | undefined;
  /** Set while bytes wait that the peer does not take (RFC 9687). */
  sendHoldDeadline: Instant | undefined;
}

export type SessionEvent =
  | { readonly kind: "start" }
  /** The configuration or a person ends it; it does not begin again by itself. */
  | { readonly kind: "stop"; readonly say: Notification | undefined }
  | { readonly kind: "connected"; readonly routerId: Ip4 }
  /** The connection could not be made, or ended. */
  | { readonly kind: "disconnected"; readonly reason: string }
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "fault"; readonly fault: BgpFault }
  /** Bytes wait to be taken by the peer, or none do. */
  | { readonly kind: "blocked"; readonly blocked: boolean }
  /** UPDATEs were sent: no KEEPALIVE is due for a while. */
  | { readonly kind: "updates-sent" }
  | { readonly kind: "bfd-down" }
  | { readonly kind: "tick" };

export type SessionAction =
  | { readonly kind: "connect" }
  | { readonly kind: "send"; readonly bytes: Bytes; readonly what: "open" | "keepalive" }
  /** Ends the connection, after the NOTIFICATION where there is one. */
  | { readonly kind: "close"; readonly bytes: Bytes | undefined }
  | { readonly kind: "established"; readonly negotiated: Negotiated }
  | { readonly kind: "refresh"; readonly family: Family }
  /** The session or the attempt ended; `sent` and `received` are the NOTIFICATIONs. */
  | {
    readonly kind: "down";
    readonly reason: string;
    readonly wasEstablished: boolean;
    readonly sent: Notification | undefined;
    readonly received: Notification | undefined;
  };

/** A session that has not begun. */
export function createSession(terms: SessionTerms): Session {
  return {
    terms,
    phase: "Idle",
    failures: 0,
    restarting: true,
    routerId: undefined,
    negotiated: undefined,
    retryAt: undefined,
    connectDeadline: undefined,
    holdDeadline: undefined,
    keepaliveAt: undefined,
    sendHoldDeadline: undefined,
  };
}
