import type { ConfigPlace } from "../base/errors.ts";
import type { Millis } from "../base/time.ts";
import { familyOf, type Ip, type Ip4, isUnspecified, parseIp4 } from "../net/ip.ts";
import { readHost } from "./addresses.ts";
import {
  fault,
  type Findings,
  readBoolean,
  readDuration,
  readFields,
  readInteger,
  readList,
  readText,
  shown,
  textOf,
} from "./fields.ts";
import { didYouMean } from "../base/nearest.ts";
import { readSelectors } from "./label_selectors.ts";
import type { Peer } from "./types.ts";
import type { TreeEntry, TreeNode } from "./tree.ts";

/** The keys of a peer. */
export const PEER_KEYS = [
  "my-asn",
  "peer-asn",
  "peer-address",
  "source-address",
  "peer-port",
  "hold-time",
  "keepalive-time",
  "router-id",
  "password",
  "password-file",
  "bfd-profile",
  "ebgp-multihop",
  "ttl-security",
  "graceful-restart",
  "node-selectors",
];
const MAX_ASN = 0xffff_ffff;
/** The kernel's limit for a TCP MD5 key (TCP_MD5SIG_MAXKEYLEN). */
const MAX_PASSWORD_BYTES = 80;
const DEFAULT_HOLD_MS = 90_000;

type Fields = ReadonlyMap<string, TreeEntry>;

/** Reads `peers`; `profiles` are the names of `bfd-profiles`. */
export function readPeers(
  entry: TreeEntry | undefined,
  profiles: ReadonlySet<string>,
  to: Findings,
): Peer[] {
  const peers: Peer[] = [];
  const seen = new Map<string, ConfigPlace>();
  for (const node of readList(entry, to)) {
    const peer = readPeer(node, profiles, to);
    if (peer === undefined) continue;
    const text = fingerprint(peer);
    const before = seen.get(text);
    if (before !== undefined) fault(to, node, "an equal peer stands here again", undefined, before);
    else seen.set(text, node.place);
    peers.push(peer);
  }
  return peers;
}

function fingerprint(peer: Peer): string {
  return JSON.stringify(
    peer,
    (_, value) =>
      typeof value === "bigint" ? `${value}n` : value instanceof Map ? [...value].sort() : value,
  );
}

function readPeer(node: TreeNode, profiles: ReadonlySet<string>, to: Findings): Peer | undefined {
  const before = to.mistakes.length;
  const required = ["my-asn", "peer-asn", "peer-address"];
  const fields = readFields(node, "a peer", PEER_KEYS, to, { required });
  if (fields === undefined) return undefined;
  const myAsn = readInteger(fields.get("my-asn"), 1, MAX_ASN, to);
  const peerAsn = readInteger(fields.get("peer-asn"), 1, MAX_ASN, to);
  const { peerAddress, peerInterface } = readPeerAddress(fields.get("peer-address"), to);
  const sourceAddress = readHostField(fields, "source-address", to);
  const source = fields.get("source-address");
  if (
    peerAddress !== undefined && sourceAddress !== undefined && source !== undefined &&
    familyOf(peerAddress) !== familyOf(sourceAddress)
  ) {
    fault(
      to,
      source.value,
      `"source-address" is IPv${familyOf(sourceAddress)} and the peer IPv${familyOf(peerAddress)}`,
    );
  }
  const multihop = readBoolean(fields.get("ebgp-multihop"), false, to);
  const multihopEntry = fields.get("ebgp-multihop");
  if (multihop && multihopEntry !== undefined && myAsn !== undefined && myAsn === peerAsn) {
    fault(to, multihopEntry.value, `"ebgp-multihop" is for other AS numbers, both are ${myAsn}`);
  }
  const gracefulRestart = readBoolean(fields.get("graceful-restart"), false, to);
  const ttlSecurity = readBoolean(fields.get("ttl-security"), false, to);
  const ttlEntry = fields.get("ttl-security");
  if (ttlSecurity && multihop && ttlEntry !== undefined) {
    fault(
      to,
      ttlEntry.value,
      '"ttl-security" is for a peer one hop away, not with "ebgp-multihop"',
    );
  }
  const timers = readTimers(fields, to);
  const rest = {
    peerPort: readInteger(fields.get("peer-port"), 0, 65535, to) || 179,
    routerId: readRouterId(fields.get("router-id"), to),
    password: readPassword(fields.get("password"), to),
    passwordFile: readPasswordFile(fields, to),
    bfdProfile: readProfile(fields.get("bfd-profile"), profiles, to),
    nodeSelectors: readSelectors(fields.get("node-selectors"), "a node selector", to),
  };
  const complete = myAsn !== undefined && peerAsn !== undefined && peerAddress !== undefined;
  if (!complete || to.mistakes.length > before) return undefined;
  const transport = { sourceAddress, ebgpMultihop: multihop, ttlSecurity, gracefulRestart };
  return { myAsn, peerAsn, peerAddress, peerInterface, ...transport, ...timers, ...rest };
}

function readHostField(fields: Fields, key: string, to: Findings) {
  const scalar = textOf(fields.get(key), "an IP address", to);
  return scalar === undefined ? undefined : readHost(scalar, key, to);
}

/** An address, with a zone where it is link-local: only that says on which interface the peer is. */
function readPeerAddress(
  entry: TreeEntry | undefined,
  to: Findings,
): { peerAddress?: Ip; peerInterface?: string } {
  const scalar = textOf(entry, "an IP address", to);
  if (scalar === undefined) return {};
  const [text = "", peerInterface, ...more] = scalar.text.split("%");
  const peerAddress = readHost({ ...scalar, text }, "peer-address", to);
  if (peerAddress === undefined) return {};
  const linkLocal = typeof peerAddress === "bigint" && peerAddress >> 118n === 0x3fan;
  const named = peerInterface !== undefined && more.length === 0 &&
    /^[^\s/]{1,15}$/.test(peerInterface);
  if (linkLocal === named && (peerInterface === undefined || named)) {
    return { peerAddress, peerInterface };
  }
  fault(
    to,
    scalar,
    linkLocal
      ? `"peer-address" ${shown(scalar.text)} is link-local and needs its interface`
      : `"peer-address" ${shown(scalar.text)} has an interface and is not link-local`,
    linkLocal
      ? `write ${shown(text)}%eth0 with the interface's name`
      : "leave out the part from % on",
  );
  return {};
}

function readTimers(fields: Fields, to: Findings): { holdTimeMs: Millis; keepaliveTimeMs: Millis } {
  const hold = fields.get("hold-time");
  const keepalive = fields.get("keepalive-time");
  const holdTimeMs = readSeconds(hold, to) ?? DEFAULT_HOLD_MS;
  if (hold !== undefined && holdTimeMs !== 0 && (holdTimeMs < 3000 || holdTimeMs > 65_535_000)) {
    fault(
      to,
      hold.value,
      `"hold-time" must be 0 or 3s to 65535s, not ${holdTimeMs / 1000}s (RFC 4271 §4.2)`,
    );
  }
  const third = Math.floor(holdTimeMs / 3000) * 1000;
  const keepaliveTimeMs = readSeconds(keepalive, to) ?? third;
  if (keepalive !== undefined && keepaliveTimeMs > holdTimeMs) {
    fault(
      to,
      keepalive.value,
      `"keepalive-time" ${keepaliveTimeMs / 1000}s is above the hold time of ${holdTimeMs / 1000}s`,
    );
  } else if (keepalive !== undefined && keepaliveTimeMs === 0 && holdTimeMs > 0) {
    fault(
      to,
      keepalive.value,
      '"keepalive-time" 0 would let the session expire',
      "leave it out, or set hold-time: 0s too",
    );
  }
  return { holdTimeMs, keepaliveTimeMs };
}

/** A duration cut to whole seconds, as BGP counts them. */
function readSeconds(entry: TreeEntry | undefined, to: Findings): Millis | undefined {
  const ms = readDuration(entry, "90s", to);
  return ms === undefined ? undefined : Math.floor(ms / 1000) * 1000;
}

function readRouterId(entry: TreeEntry | undefined, to: Findings): Ip4 | undefined {
  const scalar = textOf(entry, "an IPv4 address", to);
  if (scalar === undefined) return undefined;
  const ip = parseIp4(scalar.text);
  if (ip !== undefined && !isUnspecified(ip)) return ip;
  fault(
    to,
    scalar,
    `"router-id" must be an IPv4 address other than 0.0.0.0, not "${shown(scalar.text)}"`,
    "a BGP identifier has four octets, over IPv6 too (RFC 6286)",
  );
  return undefined;
}

function readPassword(entry: TreeEntry | undefined, to: Findings): string | undefined {
  const password = readText(entry, to);
  if (password === undefined || entry === undefined) return undefined;
  // The text itself stays out of every message.
  if (new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES) {
    fault(
      to,
      entry.value,
      `"password" has more than ${MAX_PASSWORD_BYTES} bytes, which the kernel takes at most`,
    );
  } else if (/[\r\n]/.test(password)) {
    fault(
      to,
      entry.value,
      '"password" holds a line break',
      "leave out the | or the last line break",
    );
  }
  return password;
}

/** The file is read when a connection begins, so that a rotated Secret is taken up. */
function readPasswordFile(fields: Fields, to: Findings): string | undefined {
  const entry = fields.get("password-file");
  const path = readText(entry, to);
  if (path === undefined || entry === undefined) return undefined;
  if (!path.startsWith("/")) {
    // What was written is not told: it may be the password itself.
    fault(
      to,
      entry.value,
      '"password-file" must be an absolute path',
      "a password itself is written as password",
    );
  } else if (readText(fields.get("password"), to) !== undefined) {
    fault(to, entry.value, '"password-file" and "password" are both set', "keep one");
  }
  return path;
}

function readProfile(
  entry: TreeEntry | undefined,
  profiles: ReadonlySet<string>,
  to: Findings,
): string | undefined {
  const name = readText(entry, to);
  if (name === undefined || entry === undefined || profiles.has(name)) return name;
  const hint = profiles.size === 0 ? "define it under bfd-profiles" : didYouMean(name, profiles);
  fault(
    to,
    entry.value,
    `bfd-profile "${
      /^[a-z-]{1,16}$/.test(name) ? name : shown(name)
    }" is not defined in bfd-profiles`,
    hint,
  );
  return undefined;
}
