import type { Millis } from "../base/time.ts";
import type { Family, Ip4 } from "../net/ip.ts";
import { MAX_MESSAGE_LENGTH } from "./frame.ts";
import { CODE, type Notification, notification } from "./notification.ts";
import {
  AS_TRANS,
  asnOf,
  capabilitiesOf,
  type Capability,
  encodeOpen,
  familiesOf,
  type Open,
  unicastFamilies,
} from "./open.ts";

/** What we are to a peer, and what we want of it. */
export interface SessionTerms {
  readonly myAsn: number;
  readonly peerAsn: number;
  readonly holdTimeMs: Millis;
  readonly keepaliveTimeMs: Millis;
  readonly gracefulRestart: boolean;
}

/** How long a peer with graceful restart waits for this speaker to come back (RFC 4724 §3). */
const RESTART_TIME_SECONDS = 120;
const FORWARDING_STATE = 0x80;

/** What both OPENs together say. */
export interface Negotiated {
  readonly peerRouterId: Ip4;
  /** 0 turns both timers off. */
  readonly holdTimeMs: Millis;
  readonly keepaliveTimeMs: Millis;
  readonly asnBytes: 2 | 4;
  readonly maxLength: number;
  readonly families: ReadonlySet<Family>;
  readonly enhancedRefresh: boolean;
  /** IPv4 prefixes may go by IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** The peer keeps these families' routes while this speaker restarts. */
  readonly keptOnRestart: ReadonlySet<Family>;
}

const FAMILIES: readonly { readonly afi: 1 | 2; readonly safi: 1 }[] = [
  { afi: 1, safi: 1 },
  { afi: 2, safi: 1 },
];

/** Our OPEN (RFC 4271 §4.2); `restarting` is true for the first connection after a start (RFC 4724). */
export function openFor(
  { myAsn, holdTimeMs, gracefulRestart }: SessionTerms,
  routerId: Ip4,
  restarting: boolean,
): Uint8Array<ArrayBuffer> {
  const capabilities: Capability[] = [
    ...FAMILIES.map((family) => ({ kind: "multiprotocol", ...family } as const)),
    { kind: "route-refresh" },
    { kind: "extended-next-hop", entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
    {
      // Without families it says only that the End-of-RIB will come.
      kind: "graceful-restart",
      restarting: gracefulRestart && restarting,
      notification: false,
      restartTimeSeconds: gracefulRestart ? RESTART_TIME_SECONDS : 0,
      families: gracefulRestart
        ? FAMILIES.map((family) => ({ ...family, flags: FORWARDING_STATE }))
        : [],
    },
    { kind: "four-octet-as", asn: myAsn },
    { kind: "enhanced-route-refresh" },
  ];
  return encodeOpen({
    version: 4,
    myAs: myAsn > 0xffff ? AS_TRANS : myAsn,
    holdTimeSeconds: holdTimeMs / 1000,
    routerId,
    parameters: [capabilities],
  });
}

/** A refusal of the peer's OPEN: what to tell it, and what to tell our own people. */
export interface Refusal {
  readonly answer: Notification;
  readonly detail: string;
}

/** Checks the peer's OPEN against ours (RFC 4271 §6.2, RFC 6286 §2.2, RFC 6793) and joins both. */
export function negotiate(
  open: Open,
  terms: SessionTerms,
  myRouterId: Ip4,
): Negotiated | Refusal {
  const refuse = (subcode: number, detail: string, data?: Uint8Array): Refusal => ({
    answer: notification(CODE.open, subcode, data),
    detail,
  });
  const capabilities = capabilitiesOf(open);
  const four = capabilities.some(({ kind }) => kind === "four-octet-as");
  const asn = asnOf(open);
  if (asn !== terms.peerAsn) {
    return refuse(2, `the peer has AS ${asn}, the configuration says peer-asn ${terms.peerAsn}`);
  }
  if (!four && terms.myAsn > 0xffff) {
    return refuse(2, `the peer knows no AS numbers of four octets and ours is ${terms.myAsn}`);
  }
  if (open.routerId === 0) return refuse(3, "the peer's BGP identifier is 0.0.0.0");
  if (open.routerId === myRouterId && terms.myAsn === terms.peerAsn) {
    return refuse(3, "the peer has our own BGP identifier; set another router-id on one side");
  }
  const offered = open.holdTimeSeconds;
  if (offered === 1 || offered === 2) {
    return refuse(6, `the peer wants a hold time of ${offered} s`, Uint8Array.of(0, offered));
  }
  const holdTimeMs = Math.min(offered * 1000, terms.holdTimeMs);
  return {
    peerRouterId: open.routerId,
    holdTimeMs,
    keepaliveTimeMs: keepaliveFor(holdTimeMs, terms),
    asnBytes: four ? 4 : 2,
    // Herald offers no longer messages (RFC 8654): nothing that it says needs them.
    maxLength: MAX_MESSAGE_LENGTH,
    families: familiesOf(open),
    enhancedRefresh: capabilities.some(({ kind }) => kind === "enhanced-route-refresh"),
    extendedNextHop: capabilities.some((one) =>
      one.kind === "extended-next-hop" &&
      one.entries.some(({ afi, safi, nextHopAfi }) => afi === 1 && safi === 1 && nextHopAfi === 2)
    ),
    keptOnRestart: terms.gracefulRestart ? keptFamilies(capabilities) : new Set(),
  };
}

/** A third of what was agreed upon, or less where the configuration asks; at most one a second. */
function keepaliveFor(holdTimeMs: Millis, terms: SessionTerms): Millis {
  if (holdTimeMs === 0) return 0;
  return Math.max(1000, Math.min(terms.keepaliveTimeMs, holdTimeMs / 3));
}

function keptFamilies(capabilities: readonly Capability[]): ReadonlySet<Family> {
  const graceful = capabilities.find((one) => one.kind === "graceful-restart");
  if (graceful === undefined) return new Set();
  // A helper need not list families it never restarts with itself; a listed family is a promise.
  return unicastFamilies(graceful.families.length === 0 ? FAMILIES : graceful.families);
}
