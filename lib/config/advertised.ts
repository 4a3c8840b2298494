import type { ServiceFacts } from "../model/facts.ts";
import type { Ip } from "../net/ip.ts";
import { rangeContains } from "../net/range.ts";
import { selectsLabels } from "./selectors.ts";
import {
  type Advertisement,
  type BgpAdvertisement,
  type Config,
  type Layer2Advertisement,
  type Pool,
  PROTOCOLS,
} from "./types.ts";

/** A BGP advertisement with its place in the configuration. */
export type OrderedAdvertisement = BgpAdvertisement & { readonly order: number };

/** A pool with the advertisements that select it. */
export interface Advertised {
  readonly pool: Pool;
  readonly layer2: readonly Layer2Advertisement[];
  readonly bgp: readonly OrderedAdvertisement[];
}

/** Made once for each configuration: ten thousand addresses ask for it. */
const known = new WeakMap<Config, readonly Advertised[]>();

/** All pools in their order; for one configuration always the same objects. */
export function advertisedPools(config: Config): readonly Advertised[] {
  const before = known.get(config);
  if (before !== undefined) return before;
  const ordered = config.bgp.map((one, order) => ({ ...one, order }));
  const made = config.pools.map((pool) => ({
    pool,
    layer2: config.layer2.filter((one) => selectsPool(one, pool)),
    bgp: ordered.filter((one) => selectsPool(one, pool)),
  }));
  known.set(config, made);
  return made;
}

function selectsPool({ pools, poolSelectors }: Advertisement, { name, labels }: Pool): boolean {
  if (pools.length === 0 && poolSelectors.length === 0) return true;
  return pools.includes(name) || (poolSelectors.length > 0 && selectsLabels(poolSelectors, labels));
}

/** The pool that has the address; undefined when none has. */
export function advertisedWith(config: Config, ip: Ip): Advertised | undefined {
  return advertisedPools(config).find(({ pool }) =>
    pool.ranges.some((range) => rangeContains(range, ip))
  );
}

/** Whether the advertisements count for every Service. */
export function areForAll(advertisements: readonly Advertisement[]): boolean {
  return advertisements.every(({ serviceSelectors }) => serviceSelectors.length === 0);
}

/** Those of the advertisements that count for any of these Services. */
export function forServices<A extends Advertisement>(
  advertisements: readonly A[],
  services: readonly ServiceFacts[],
): readonly A[] {
  // The same list where nothing is to be left out, so that what is made of it can be kept.
  if (areForAll(advertisements)) return advertisements;
  return advertisements.filter(({ serviceSelectors }) =>
    services.some(({ labels }) => selectsLabels(serviceSelectors, labels))
  );
}

/** Those of the advertisements that count on a node with these labels. */
export function onNode<A extends Advertisement>(
  advertisements: readonly A[],
  labels: ReadonlyMap<string, string>,
): readonly A[] {
  if (advertisements.every(({ nodeSelectors }) => nodeSelectors.length === 0)) {
    return advertisements;
  }
  return advertisements.filter(({ nodeSelectors }) => selectsLabels(nodeSelectors, labels));
}

/** The protocols by which the pool is announced, as texts and statuses name them. */
export function protocolText(advertised: Advertised): string {
  return PROTOCOLS.filter((protocol) => advertised[protocol].length > 0).join(", ");
}

/** The protocols of each pool, by its name. */
export function protocolsByPool(config: Config): ReadonlyMap<string, string> {
  return new Map(advertisedPools(config).map((one) => [one.pool.name, protocolText(one)]));
}
