import { readU16 } from "../net/ethernet.ts";
import type { Family, Ip } from "../net/ip.ts";
import {
  ATTRIBUTE,
  type AttributeRule,
  type AttributeValue,
  type ErrorAction,
  FLAG,
  type PathAttribute,
  RULES,
} from "./attribute.ts";
import { type DecodeContext, encodeMessage, TYPE } from "./frame.ts";
import { familyOfAfi, type Nlri, type NlriMistake, readIp, scanNlri } from "./nlri.ts";
import { type BgpFault, bgpFault, CODE, notification } from "./notification.ts";

/** An attribute that was not used, and why. */
interface AttributeMistake {
  readonly code: number;
  readonly action: ErrorAction;
  readonly detail: string;
}

export interface Update {
  readonly kind: "update";
  readonly withdrawn: Nlri;
  readonly attributes: readonly PathAttribute[];
  readonly nlri: Nlri;
  /** By RFC 7606, what is wrong and does not end the session. */
  readonly mistakes: readonly AttributeMistake[];
}

/** Decodes UPDATE (RFC 4271 §4.3, RFC 4760) with the error handling of RFC 7606. */
export function decodeUpdate(bytes: Uint8Array, context: DecodeContext): Update | BgpFault {
  const withdrawnEnd = 21 + readU16(bytes, 19);
  if (withdrawnEnd + 2 > bytes.length) return badList("withdrawn routes go past the end", 19);
  const attributesStart = withdrawnEnd + 2;
  const attributesEnd = attributesStart + readU16(bytes, withdrawnEnd);
  if (attributesEnd > bytes.length) return badList("path attributes go past the end", withdrawnEnd);
  const withdrawn = scanNlri(4, bytes.slice(21, withdrawnEnd));
  if (typeof withdrawn === "string") return badNetwork(withdrawn, 21);
  const nlri = scanNlri(4, bytes.slice(attributesEnd));
  if (typeof nlri === "string") return badNetwork(nlri, attributesEnd);
  const read = readAttributes(bytes.slice(attributesStart, attributesEnd), context);
  if ("answer" in read) return read;
  const { attributes, mistakes } = read;
  const reach = attributes.some(({ kind }) => kind === "mp-reach");
  const carries = nlri.count > 0 || reach;
  if (carries) noteMissing(attributes, nlri.count > 0, context, mistakes);
  const withdraws = mistakes.some(({ action }) => action === "treat-as-withdraw");
  // Nothing can be taken back of a message without routes, so the error ends the session (§5.2).
  if (withdraws && !carries) return badList(mistakes[0]?.detail ?? "malformed", attributesStart);
  return { kind: "update", withdrawn, attributes, nlri, mistakes };
}

function badList(detail: string, offset: number): BgpFault {
  return bgpFault("bad-attribute", detail, offset, notification(CODE.update, 1));
}

function badNetwork(mistake: NlriMistake, offset: number): BgpFault {
  const detail = mistake === "truncated" ? "the last prefix is cut off" : "a prefix is too long";
  return bgpFault("bad-prefix", detail, offset, notification(CODE.update, 10));
}

interface Attributes {
  readonly attributes: PathAttribute[];
  readonly mistakes: AttributeMistake[];
}

function readAttributes(bytes: Uint8Array, context: DecodeContext): Attributes | BgpFault {
  const attributes: PathAttribute[] = [];
  const mistakes: AttributeMistake[] = [];
  const seen = new Set<number>();
  for (let at = 0; at < bytes.length;) {
    const flags = bytes[at] ?? 0;
    const code = bytes[at + 1] ?? 0;
    const extended = (flags & FLAG.extended) !== 0;
    const start = at + (extended ? 4 : 3);
    const end = start + (extended ? readU16(bytes, at + 2) : bytes[at + 2] ?? 0);
    if (start > bytes.length || end > bytes.length) {
      // RFC 7606 §4: what follows cannot be told apart, the prefixes still can.
      mistakes.push({ code, action: "treat-as-withdraw", detail: `attribute ${code} is cut off` });
      break;
    }
    const value = bytes.slice(start, end);
    at = end;
    if (seen.has(code)) {
      if (isMp(code)) return badList(`attribute ${code} stands twice`, at);
      mistakes.push({ code, action: "attribute-discard", detail: `attribute ${code} again` });
      continue;
    }
    seen.add(code);
    const read = isMp(code) ? readMp(code, flags, value) : readOne(code, flags, value, context);
    if ("answer" in read) return read;
    if ("action" in read) mistakes.push(read);
    else attributes.push(read);
  }
  return { attributes, mistakes };
}

function isMp(code: number): boolean {
  return code === ATTRIBUTE.mpReach || code === ATTRIBUTE.mpUnreach;
}

function readOne(
  code: number,
  flags: number,
  bytes: Uint8Array,
  { asnBytes, ebgp }: DecodeContext,
): PathAttribute | AttributeMistake | BgpFault {
  const rule = RULES.get(code);
  if (rule === undefined) {
    if ((flags & FLAG.optional) !== 0) return { kind: "opaque", code, flags, bytes };
    const answer = notification(CODE.update, 2, Uint8Array.of(flags, code));
    return bgpFault("bad-attribute", `well-known attribute ${code} is not known`, 0, answer);
  }
  if (rule.internalOnly && ebgp) {
    return mistake(code, "attribute-discard", "from an external peer");
  }
  if (!flagsFit(rule, flags)) return mistake(code, rule.onError, "has wrong flags");
  if (!rule.fits(bytes.length, asnBytes)) {
    return mistake(code, rule.onError, `has ${bytes.length} bytes`);
  }
  const value = rule.read(bytes, asnBytes);
  return value === undefined ? mistake(code, rule.onError, "is malformed") : { ...value, flags };
}

function flagsFit(rule: AttributeRule, flags: number): boolean {
  const mask = FLAG.optional | FLAG.transitive;
  return (flags & mask) === rule.flags;
}

function mistake(code: number, action: ErrorAction, what: string): AttributeMistake {
  return { code, action, detail: `attribute ${code} ${what}` };
}

/** RFC 4760 §3 and §4, RFC 7606 §7.11 and §7.12: an error in them ends the session. */
function readMp(
  code: number,
  flags: number,
  bytes: Uint8Array,
): PathAttribute | AttributeMistake | BgpFault {
  const bad = (detail: string) =>
    bgpFault("bad-attribute", detail, 0, notification(CODE.update, 9, bytes.slice(0, 255)));
  if ((flags & (FLAG.optional | FLAG.transitive)) !== FLAG.optional) {
    return mistake(code, "treat-as-withdraw", "has wrong flags");
  }
  if (bytes.length < 3) return bad(`attribute ${code} has ${bytes.length} bytes`);
  const afi = readU16(bytes, 0);
  const safi = bytes[2] ?? 0;
  const family = familyOfAfi(afi, safi);
  const value: AttributeValue | BgpFault = family === undefined
    ? { kind: "opaque", code, bytes }
    : code === ATTRIBUTE.mpReach
    ? readReach(afi, safi, family, bytes, bad)
    : readUnreach(afi, safi, family, bytes);
  return "answer" in value ? value : { ...value, flags };
}

function readReach(
  afi: number,
  safi: number,
  family: Family,
  bytes: Uint8Array,
  bad: (detail: string) => BgpFault,
): AttributeValue | BgpFault {
  const hopBytes = bytes[3] ?? 0;
  const valid = hopBytes === 16 || hopBytes === 32 || (family === 4 && hopBytes === 4);
  if (!valid || 5 + hopBytes > bytes.length) return bad(`next hop of ${hopBytes} bytes`);
  const nextHops: Ip[] = [];
  if (hopBytes === 4) nextHops.push(readIp(4, bytes, 4));
  else for (let at = 4; at < 4 + hopBytes; at += 16) nextHops.push(readIp(6, bytes, at));
  const nlri = scanNlri(family, bytes.slice(5 + hopBytes));
  return typeof nlri === "string"
    ? badNetwork(nlri, 5 + hopBytes)
    : { kind: "mp-reach", afi, safi, nextHops, nlri };
}

function readUnreach(
  afi: number,
  safi: number,
  family: Family,
  bytes: Uint8Array,
): AttributeValue | BgpFault {
  const withdrawn = scanNlri(family, bytes.slice(3));
  return typeof withdrawn === "string"
    ? badNetwork(withdrawn, 3)
    : { kind: "mp-unreach", afi, safi, withdrawn };
}

/** RFC 7606 §3 d: routes without what every route has are withdrawn. */
function noteMissing(
  attributes: readonly PathAttribute[],
  needsNextHop: boolean,
  { ebgp }: DecodeContext,
  mistakes: AttributeMistake[],
): void {
  const needed: [PathAttribute["kind"], number][] = [
    ["origin", ATTRIBUTE.origin],
    ["as-path", ATTRIBUTE.asPath],
  ];
  if (needsNextHop) needed.push(["next-hop", ATTRIBUTE.nextHop]);
  if (!ebgp) needed.push(["local-pref", ATTRIBUTE.localPref]);
  for (const [kind, code] of needed) {
    const known = attributes.some((one) => one.kind === kind) ||
      mistakes.some((one) => one.code === code);
    if (!known) mistakes.push(mistake(code, "treat-as-withdraw", "is missing"));
  }
}

/** The marker that a family's first full table ends with (RFC 4724 §2). */
export function encodeEndOfRib(family: Family): Uint8Array<ArrayBuffer> {
  const attributes = family === 4 ? [] : [FLAG.optional, ATTRIBUTE.mpUnreach, 3, 0, 2, 1];
  return encodeMessage(TYPE.update, Uint8Array.of(0, 0, 0, attributes.length, ...attributes));
}
