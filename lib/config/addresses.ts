import {
  familyOf,
  formatIp,
  type Ip,
  type Ip4,
  type Ip6,
  IP6_MAX,
  isMapped,
  isUnspecified,
  parseIp,
} from "../net/ip.ts";
import { formatPrefix, lastIp, parsePrefix } from "../net/prefix.ts";
import { type AddressRange, rangesOverlap } from "../net/range.ts";
import { fault, type Findings, shown, warn } from "./fields.ts";
import { lookalikeIn, withoutLookalikes } from "./lookalikes.ts";
import type { TreeScalar } from "./tree.ts";

/** Addresses that no Service can have. */
const UNUSABLE: readonly (AddressRange & { readonly what: string })[] = [
  { what: "loopback", first: 0x7f000000 as Ip4, last: 0x7fffffff as Ip4, text: "127.0.0.0/8" },
  { what: "multicast", first: 0xe0000000 as Ip4, last: 0xefffffff as Ip4, text: "224.0.0.0/4" },
  { what: "broadcast", first: 0xffffffff as Ip4, last: 0xffffffff as Ip4, text: "255.255.255.255" },
  { what: "unspecified", first: 0 as Ip4, last: 0 as Ip4, text: "0.0.0.0" },
  { what: "unspecified", first: 0n as Ip6, last: 0n as Ip6, text: "::" },
  { what: "loopback", first: 1n as Ip6, last: 1n as Ip6, text: "::1" },
  { what: "multicast", first: (0xffn << 120n) as Ip6, last: IP6_MAX as Ip6, text: "ff00::/8" },
  {
    what: "IPv4-mapped",
    first: (0xffffn << 32n) as Ip6,
    last: ((0xffffn << 32n) | 0xffff_ffffn) as Ip6,
    text: "::ffff:0:0/96",
  },
];

/** Reads an entry of `addresses`: `10.0.0.0/24`, or `10.0.0.1-10.0.0.9` with blanks round the dash. */
export function readRange(scalar: TreeScalar, to: Findings): AddressRange | undefined {
  const text = scalar.text.trim();
  const range = text.includes("/")
    ? readPrefixRange(scalar, text, to)
    : readFirstLast(scalar, text, to);
  if (range === undefined) return undefined;
  const unusable = UNUSABLE.find((other) => rangesOverlap(range, other));
  if (unusable === undefined) return range;
  fault(
    to,
    scalar,
    `"${
      shown(text)
    }" holds ${unusable.what} addresses (${unusable.text}), no Service can have those`,
  );
  return undefined;
}

function readPrefixRange(scalar: TreeScalar, text: string, to: Findings): AddressRange | undefined {
  if (text.includes("-")) {
    fault(
      to,
      scalar,
      `"${shown(text)}" mixes a range and a prefix`,
      "write FIRST-LAST or ADDRESS/LENGTH",
    );
    return undefined;
  }
  const parsed = parsePrefix(text);
  if (typeof parsed === "string") {
    const [address = "", length = ""] = text.split("/");
    if (lookalikeIn(text) !== undefined) badAddress(scalar, text, to);
    else if (parsed === "bad-length") {
      const most = address.includes(":") ? 128 : 32;
      fault(
        to,
        scalar,
        `"${shown(text)}" has the length "${shown(length)}", allowed is 0 to ${most}`,
      );
    } else badAddress(scalar, address, to);
    return undefined;
  }
  const { prefix, hostBitsCut } = parsed;
  if (hostBitsCut) {
    warn(
      to,
      scalar,
      `"${shown(text)}" has host bits, it means ${formatPrefix(prefix)}`,
      `write ${formatPrefix(prefix)}`,
    );
  }
  return { first: prefix.address, last: lastIp(prefix), text: formatPrefix(prefix) };
}

function readFirstLast(scalar: TreeScalar, text: string, to: Findings): AddressRange | undefined {
  const ends = text.split("-").map((end) => end.trim());
  const [from = "", until = ""] = ends;
  const ip = parseIp(text);
  if (ip !== undefined) {
    const length = familyOf(ip) === 4 ? 32 : 128;
    const hint = `write ${text}/${length} for this one address`;
    fault(to, scalar, `"${shown(text)}" has no length`, hint);
    return undefined;
  }
  const meant = ends.length === 2 && parseIp(until) !== undefined ? undefined : meantBy(text);
  if (meant !== undefined) {
    fault(to, scalar, `"${shown(text)}" is neither a range nor a prefix`, `write ${meant}`);
    return undefined;
  }
  if (ends.length !== 2) {
    badAddress(scalar, text, to);
    return undefined;
  }
  const first = readEnd(scalar, from, to);
  const last = readEnd(scalar, until, to);
  if (first === undefined || last === undefined) return undefined;
  if (familyOf(first) !== familyOf(last)) {
    fault(
      to,
      scalar,
      `"${shown(text)}" begins with IPv${familyOf(first)} and ends with IPv${familyOf(last)}`,
    );
    return undefined;
  }
  if (first > last) {
    fault(
      to,
      scalar,
      `"${shown(text)}" ends before it begins`,
      `write ${formatIp(last)}-${formatIp(first)}`,
    );
    return undefined;
  }
  return { first, last, text: `${formatIp(first)}-${formatIp(last)}` };
}

function readEnd(scalar: TreeScalar, text: string, to: Findings): Ip | undefined {
  const ip = parseIp(text);
  if (ip === undefined) badAddress(scalar, text, to);
  return ip;
}

/** How two or more addresses with anything else between them would be written. */
function meantBy(text: string): string | undefined {
  const plain = withoutLookalikes(text);
  const listed = plain.split(/[,;]/).map((one) => one.trim());
  if (listed.length > 1 && listed.every((one) => parseIp(one) !== undefined)) {
    return "FIRST-LAST for a range, and each address alone as an item of its own";
  }
  const [from = "", until = "", ...more] = plain.split(
    /\s*(?:-|\.{2,3}|~|\b(?:to|until)\b)\s*|\s+/,
  );
  const first = parseIp(from);
  if (first === undefined || more.length > 0) return undefined;
  // `192.0.2.100-110`: the end has the last octets alone.
  const octets = until.split(".");
  const last = parseIp(until) ??
    (familyOf(first) === 4
      ? parseIp([...from.split(".").slice(0, 4 - octets.length), ...octets].join("."))
      : undefined);
  if (last === undefined || familyOf(first) !== familyOf(last) || first > last) return undefined;
  return `${formatIp(first)}-${formatIp(last)}`;
}

function badAddress(scalar: TreeScalar, text: string, to: Findings): void {
  const why = lookalikeIn(text)?.hint ??
    (text.includes("%")
      ? "a zone belongs to one machine, pools have none"
      : /^0|\.0\d|^\d+(\.\d+){0,2}$|0x/.test(text)
      ? "write four decimal numbers without leading zeros"
      : undefined);
  fault(to, scalar, `"${shown(text)}" is no IP address`, why);
}

/** Reads one address of a host: a peer, a source. */
export function readHost(scalar: TreeScalar, key: string, to: Findings): Ip | undefined {
  const ip = parseIp(scalar.text.trim());
  if (ip === undefined) {
    fault(to, scalar, `"${key}" must be an IP address, not "${shown(scalar.text)}"`);
    return undefined;
  }
  if (
    isUnspecified(ip) || isMapped(ip) ||
    UNUSABLE.some((other) =>
      other.what === "multicast" && rangesOverlap(other, { first: ip, last: ip, text: "" })
    )
  ) {
    fault(to, scalar, `"${key}" is ${formatIp(ip)}, which is no address of a host`);
    return undefined;
  }
  return ip;
}
