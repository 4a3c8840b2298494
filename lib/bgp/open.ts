import { readU16, readU32, writeU16, writeU32 } from "../net/ethernet.ts";
import type { Family, Ip4 } from "../net/ip.ts";
import { encodeMessage, TYPE } from "./frame.ts";
import { familyOfAfi } from "./nlri.ts";
import { type BgpFault, bgpFault, CODE, notification } from "./notification.ts";

/** Takes the place in OPEN of an AS number that needs four octets (RFC 6793 §9). */
export const AS_TRANS = 23456;
const OPTIONAL_CAPABILITIES = 2;
const OPEN_HEADER = 29;

/** Capability codes. */
const CAPABILITY = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  gracefulRestart: 64,
  fourOctetAs: 65,
  enhancedRouteRefresh: 70,
} as const;

/** A capability (RFC 5492) that Herald knows, or the bytes of another. */
export type Capability =
  | { readonly kind: "multiprotocol"; readonly afi: number; readonly safi: number }
  | { readonly kind: "route-refresh" }
  | { readonly kind: "extended-next-hop"; readonly entries: readonly ExtendedNextHop[] }
  | { readonly kind: "extended-message" }
  | {
    readonly kind: "graceful-restart";
    readonly restarting: boolean;
    /** The N bit (RFC 8538): NOTIFICATIONs do not end the restart. */
    readonly notification: boolean;
    readonly restartTimeSeconds: number;
    readonly families: readonly GracefulFamily[];
  }
  | { readonly kind: "four-octet-as"; readonly asn: number }
  | { readonly kind: "enhanced-route-refresh" }
  | { readonly kind: "unknown"; readonly code: number; readonly value: Uint8Array };

/** IPv4 prefixes by IPv6 next hops (RFC 8950). */
interface ExtendedNextHop {
  readonly afi: number;
  readonly safi: number;
  readonly nextHopAfi: number;
}

/** `flags` 0x80: forwarding went on during the restart (RFC 4724 §3). */
interface GracefulFamily {
  readonly afi: number;
  readonly safi: number;
  readonly flags: number;
}

export interface Open {
  readonly kind: "open";
  readonly version: number;
  /** The two-octet field: 23456 for an AS that does not fit. */
  readonly myAs: number;
  readonly holdTimeSeconds: number;
  readonly routerId: Ip4;
  /** One list for each optional parameter, for implementations differ in how they group them. */
  readonly parameters: readonly (readonly Capability[])[];
}

/** Decodes OPEN (RFC 4271 §4.2, RFC 5492, RFC 9072); version and parameters are checked here. */
export function decodeOpen(bytes: Uint8Array): Open | BgpFault {
  const version = bytes[19] ?? 0;
  if (version !== 4) {
    const answer = notification(CODE.open, 1, Uint8Array.of(0, 4));
    return bgpFault("bad-version", `BGP version ${version}, this speaks 4`, 19, answer);
  }
  const parameters = decodeParameters(bytes);
  if ("kind" in parameters) return parameters;
  return {
    kind: "open",
    version,
    myAs: readU16(bytes, 20),
    holdTimeSeconds: readU16(bytes, 22),
    routerId: readU32(bytes, 24) as Ip4,
    parameters,
  };
}

function decodeParameters(bytes: Uint8Array): Capability[][] | BgpFault {
  const short = bytes[28] ?? 0;
  // RFC 9072: length 255 (or anything but 0) and type 255 announce lengths of two octets.
  const extended = short !== 0 && bytes.length >= 32 && bytes[29] === 255;
  const start = extended ? 32 : OPEN_HEADER;
  const total = extended ? readU16(bytes, 30) : short;
  if (start + total !== bytes.length) {
    return malformed(`optional parameters of ${total} bytes in ${bytes.length}`, 28);
  }
  const lengthBytes = extended ? 2 : 1;
  const parameters: Capability[][] = [];
  for (let at = start; at < bytes.length;) {
    const type = bytes[at] ?? 0;
    const value = at + 1 + lengthBytes;
    if (value > bytes.length) return malformed("an optional parameter is cut off", at);
    const end = value + (extended ? readU16(bytes, at + 1) : bytes[at + 1] ?? 0);
    if (end > bytes.length) return malformed("an optional parameter goes past the end", at);
    if (type !== OPTIONAL_CAPABILITIES) {
      const answer = notification(CODE.open, 4);
      return bgpFault("bad-parameter", `optional parameter ${type} is not known`, at, answer);
    }
    const capabilities = decodeCapabilities(bytes, value, end);
    if ("kind" in capabilities) return capabilities;
    parameters.push(capabilities);
    at = end;
  }
  return parameters;
}

function malformed(detail: string, offset: number): BgpFault {
  return bgpFault("bad-parameter", detail, offset, notification(CODE.open, 0));
}

function decodeCapabilities(bytes: Uint8Array, from: number, end: number): Capability[] | BgpFault {
  const capabilities: Capability[] = [];
  for (let at = from; at < end;) {
    const length = bytes[at + 1] ?? 0;
    if (at + 2 > end || at + 2 + length > end) {
      return malformed("a capability goes past the end", at);
    }
    capabilities.push(decodeCapability(bytes[at] ?? 0, bytes.slice(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return capabilities;
}

/** One of a wrong length is as good as unknown: ignored (RFC 5492 §3). */
function decodeCapability(code: number, value: Uint8Array): Capability {
  const { length } = value;
  if (code === CAPABILITY.multiprotocol && length === 4) {
    return { kind: "multiprotocol", afi: readU16(value, 0), safi: value[3] ?? 0 };
  }
  if (code === CAPABILITY.routeRefresh && length === 0) return { kind: "route-refresh" };
  if (code === CAPABILITY.extendedMessage && length === 0) return { kind: "extended-message" };
  if (code === CAPABILITY.enhancedRouteRefresh && length === 0) {
    return { kind: "enhanced-route-refresh" };
  }
  if (code === CAPABILITY.fourOctetAs && length === 4) {
    return { kind: "four-octet-as", asn: readU32(value, 0) };
  }
  if (code === CAPABILITY.extendedNextHop && length % 6 === 0 && length > 0) {
    const entries = tuples(value, 0, 6, (at) => ({
      afi: readU16(value, at),
      safi: readU16(value, at + 2),
      nextHopAfi: readU16(value, at + 4),
    }));
    return { kind: "extended-next-hop", entries };
  }
  if (code === CAPABILITY.gracefulRestart && length >= 2 && length % 4 === 2) {
    const head = readU16(value, 0);
    return {
      kind: "graceful-restart",
      restarting: (head & 0x8000) !== 0,
      notification: (head & 0x4000) !== 0,
      restartTimeSeconds: head & 0x0fff,
      families: tuples(value, 2, 4, (at) => ({
        afi: readU16(value, at),
        safi: value[at + 2] ?? 0,
        flags: value[at + 3] ?? 0,
      })),
    };
  }
  return { kind: "unknown", code, value };
}

function tuples<T>(value: Uint8Array, from: number, size: number, read: (at: number) => T): T[] {
  const found: T[] = [];
  for (let at = from; at < value.length; at += size) found.push(read(at));
  return found;
}

/** Encodes OPEN. @throws RangeError when the parameters take more than 255 bytes */
export function encodeOpen(open: Omit<Open, "kind">): Uint8Array<ArrayBuffer> {
  const parameters = open.parameters.map((capabilities) => {
    const value = capabilities.flatMap(encodeCapability);
    return [OPTIONAL_CAPABILITIES, value.length, ...value];
  }).flat();
  if (parameters.length > 254) throw new RangeError("The OPEN message takes too many capabilities");
  const body = new Uint8Array(10 + parameters.length);
  body[0] = open.version;
  writeU16(body, 1, open.myAs);
  writeU16(body, 3, open.holdTimeSeconds);
  writeU32(body, 5, open.routerId);
  body[9] = parameters.length;
  body.set(parameters, 10);
  return encodeMessage(TYPE.open, body);
}

function encodeCapability(capability: Capability): number[] {
  const [code, value] = capabilityBytes(capability);
  return [code, value.length, ...value];
}

function capabilityBytes(capability: Capability): [code: number, value: readonly number[]] {
  switch (capability.kind) {
    case "multiprotocol":
      return [CAPABILITY.multiprotocol, [...u16(capability.afi), 0, capability.safi]];
    case "route-refresh":
      return [CAPABILITY.routeRefresh, []];
    case "extended-message":
      return [CAPABILITY.extendedMessage, []];
    case "enhanced-route-refresh":
      return [CAPABILITY.enhancedRouteRefresh, []];
    case "four-octet-as":
      return [CAPABILITY.fourOctetAs, [...u16(capability.asn >>> 16), ...u16(capability.asn)]];
    case "extended-next-hop":
      return [
        CAPABILITY.extendedNextHop,
        capability.entries.flatMap((one) => [one.afi, one.safi, one.nextHopAfi].flatMap(u16)),
      ];
    case "graceful-restart": {
      const { restarting, notification, restartTimeSeconds, families } = capability;
      const head = (restarting ? 0x8000 : 0) | (notification ? 0x4000 : 0) | restartTimeSeconds;
      const rest = families.flatMap(({ afi, safi, flags }) => [...u16(afi), safi, flags]);
      return [CAPABILITY.gracefulRestart, [...u16(head), ...rest]];
    }
    case "unknown":
      return [capability.code, [...capability.value]];
  }
}

function u16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

/** All capabilities of an OPEN, however they were grouped. */
export function capabilitiesOf(open: Open): readonly Capability[] {
  return open.parameters.flat();
}

/** The AS number that an OPEN claims: the capability's where there is one. */
export function asnOf(open: Open): number {
  const four = capabilitiesOf(open).find((one) => one.kind === "four-octet-as");
  return four?.asn ?? open.myAs;
}

/** Families that an OPEN offers; without the capability it is IPv4 (RFC 4760 §8). */
export function familiesOf(open: Open): ReadonlySet<Family> {
  const offered = capabilitiesOf(open).filter((one) => one.kind === "multiprotocol");
  return offered.length === 0 ? new Set<Family>([4]) : unicastFamilies(offered);
}

/** Those families of a list that Herald speaks. */
export function unicastFamilies(
  list: readonly { readonly afi: number; readonly safi: number }[],
): ReadonlySet<Family> {
  return new Set(
    list.map(({ afi, safi }) => familyOfAfi(afi, safi)).filter((family) => family !== undefined),
  );
}
