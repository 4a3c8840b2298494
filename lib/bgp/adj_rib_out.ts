import { type Family, familyOf, type Ip4, type Ip6 } from "../net/ip.ts";
import type { Prefix } from "../net/prefix.ts";
import { FLAG, type PathAttribute } from "./attribute.ts";
import { encodeAttributes } from "./attribute_encode.ts";
import { packRoutes, packWithdrawals, type RouteForm } from "./pack.ts";
import type { Rib, RouteAttributes } from "./rib.ts";

const ORIGIN_INCOMPLETE = 2;

/** What one session says of routes, agreed upon when it came up. */
export interface RouteTerms {
  readonly myAsn: number;
  readonly ebgp: boolean;
  readonly asnBytes: 2 | 4;
  readonly maxLength: number;
  readonly families: ReadonlySet<Family>;
  readonly nextHop4: Ip4 | undefined;
  /** Global, or global and link-local (RFC 2545 §3); empty when this node has none there. */
  readonly nextHops6: readonly Ip6[];
  /** The peer takes IPv4 prefixes by IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
}

/** The routes of one peer: what it has been told, and where that may differ from what it should be. */
export interface AdjRibOut {
  readonly sent: Map<Prefix, RouteAttributes>;
  /** One entry for each prefix however often it changed; true sends it even when nothing did. */
  readonly pending: Map<Prefix, boolean>;
  /** Messages for when nothing is pending: the End-of-RIB, the end of a refresh. */
  trailers: Uint8Array<ArrayBuffer>[];
}

/** What {@link drain} made. */
export interface Drained {
  readonly messages: readonly Uint8Array<ArrayBuffer>[];
  readonly announced: number;
  readonly withdrawn: number;
}

/** Nothing told and nothing pending. */
export function createAdjRibOut(): AdjRibOut {
  return { sent: new Map(), pending: new Map(), trailers: [] };
}

/** Marks all routes, or those of a family, to be told whether they changed or not. */
export function resend(adj: AdjRibOut, rib: Rib, family?: Family): void {
  for (const prefix of rib.routes.keys()) {
    if (family === undefined || familyOf(prefix.address) === family) adj.pending.set(prefix, true);
  }
}

/** The form in which a peer hears routes of a family, or why it does not. */
export function formFor(
  family: Family,
  attributes: RouteAttributes,
  terms: RouteTerms,
): RouteForm | "family-not-agreed" | "no-next-hop" {
  if (!terms.families.has(family)) return "family-not-agreed";
  const plain = family === 4 && terms.nextHop4 !== undefined;
  const byIp6 = (family === 6 || terms.extendedNextHop) && terms.nextHops6.length > 0;
  if (!plain && !byIp6) return "no-next-hop";
  const list = pathAttributes(attributes, terms, plain ? terms.nextHop4 : undefined);
  return {
    family,
    attributes: encodeAttributes(list, terms.asnBytes),
    mpNextHops: plain ? undefined : terms.nextHops6,
  };
}

/** As MetalLB's: ORIGIN incomplete, our AS once toward another AS, LOCAL_PREF within ours. */
function pathAttributes(
  { localPref, communities, largeCommunities }: RouteAttributes,
  { ebgp, myAsn }: RouteTerms,
  nextHop: Ip4 | undefined,
): PathAttribute[] {
  const flags = FLAG.transitive;
  const optional = FLAG.optional | FLAG.transitive;
  const segments = ebgp ? [{ kind: "sequence", asns: [myAsn] } as const] : [];
  return [
    { kind: "origin", value: ORIGIN_INCOMPLETE, flags },
    { kind: "as-path", segments, flags },
    ...nextHop === undefined ? [] : [{ kind: "next-hop", address: nextHop, flags } as const],
    ...ebgp ? [] : [{ kind: "local-pref", value: localPref, flags } as const],
    ...communities.length === 0
      ? []
      : [{ kind: "communities", communities, flags: optional } as const],
    ...largeCommunities.length === 0
      ? []
      : [{ kind: "large-communities", communities: largeCommunities, flags: optional } as const],
  ];
}

/**
 * Turns what is pending into messages, withdrawals first, and notes it as told. At most `limit`
 * routes at once: what a slow peer has not taken stays pending here, one entry for each prefix,
 * and does not pile up as bytes.
 */
export function drain(adj: AdjRibOut, rib: Rib, terms: RouteTerms, limit: number): Drained {
  const messages: Uint8Array<ArrayBuffer>[] = [];
  const gone: Record<Family, Prefix[]> = { 4: [], 6: [] };
  for (const prefix of adj.pending.keys()) {
    if (rib.routes.has(prefix)) continue;
    adj.pending.delete(prefix);
    if (adj.sent.delete(prefix)) gone[familyOf(prefix.address)].push(prefix);
  }
  const mp4 = terms.nextHop4 === undefined;
  messages.push(...packWithdrawals(4, gone[4], terms.maxLength, mp4));
  messages.push(...packWithdrawals(6, gone[6], terms.maxLength));
  let announced = 0;
  for (const group of takeGroups(adj, rib, limit)) {
    const form = formFor(group.family, group.attributes, terms);
    if (typeof form === "string") continue;
    messages.push(...packRoutes(form, group.prefixes, terms.maxLength));
    for (const prefix of group.prefixes) adj.sent.set(prefix, group.attributes);
    announced += group.prefixes.length;
  }
  if (adj.pending.size === 0) messages.push(...adj.trailers.splice(0));
  return { messages, announced, withdrawn: gone[4].length + gone[6].length };
}

interface Group {
  readonly family: Family;
  readonly attributes: RouteAttributes;
  readonly prefixes: Prefix[];
}

function takeGroups(adj: AdjRibOut, rib: Rib, limit: number): Iterable<Group> {
  const groups = new Map<RouteAttributes, Record<Family, Group>>();
  let taken = 0;
  for (const [prefix, force] of adj.pending) {
    if (taken >= limit) break;
    adj.pending.delete(prefix);
    const attributes = rib.routes.get(prefix);
    if (attributes === undefined || (!force && adj.sent.get(prefix) === attributes)) continue;
    const both = groups.get(attributes) ?? {
      4: { family: 4, attributes, prefixes: [] },
      6: { family: 6, attributes, prefixes: [] },
    };
    groups.set(attributes, both);
    both[familyOf(prefix.address)].prefixes.push(prefix);
    taken++;
  }
  return [...groups.values()].flatMap((both) => [both[4], both[6]])
    .filter(({ prefixes }) => prefixes.length > 0);
}
