import type { Prefix } from "../net/prefix.ts";
import type { LargeCommunity } from "./attribute.ts";

/** What a route says beside its prefix and next hop. Equal ones of one RIB are the same object. */
export interface RouteAttributes {
  /** Sent to internal peers only. */
  readonly localPref: number;
  /** Ascending. */
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
}

/** Routes to be told to every peer; prefixes are interned, so that peers share them. */
export interface Rib {
  readonly routes: ReadonlyMap<Prefix, RouteAttributes>;
  /** Sets or, without attributes, removes a route; gives the prefix when something changed. */
  set(prefix: Prefix, attributes: RouteAttributes | undefined): Prefix | undefined;
  /** The one object by which peers know an equal prefix; undefined before any was set. */
  interned(prefix: Prefix): Prefix | undefined;
}

/** Makes an empty RIB. */
export function createRib(): Rib {
  const routes = new Map<Prefix, RouteAttributes>();
  const interned = new Map<string | number, Prefix>();
  const kinds = new Map<string, RouteAttributes>();

  function intern(attributes: RouteAttributes): RouteAttributes {
    const key = JSON.stringify([
      attributes.localPref,
      attributes.communities,
      attributes.largeCommunities,
    ]);
    const known = kinds.get(key);
    if (known !== undefined) return known;
    kinds.set(key, attributes);
    return attributes;
  }

  return {
    routes,
    interned: (prefix) => interned.get(prefixKey(prefix)),
    set(given, wanted) {
      const key = prefixKey(given);
      const known = interned.get(key);
      if (wanted === undefined) {
        // It stays interned: one that comes back must be the object that peers know as sent.
        return known !== undefined && routes.delete(known) ? known : undefined;
      }
      const attributes = intern(wanted);
      const prefix = known ?? given;
      if (routes.get(prefix) === attributes) return undefined;
      interned.set(key, prefix);
      routes.set(prefix, attributes);
      return prefix;
    },
  };
}

/** A key of a prefix: a number for IPv4, which is small and quick, a text for IPv6. */
function prefixKey({ address, length }: Prefix): string | number {
  return typeof address === "number" ? address * 64 + length : `${address.toString(36)}/${length}`;
}
