import type { ConfigPlace } from "../base/errors.ts";
import type { AddressRange } from "../net/range.ts";
import { readRange } from "./addresses.ts";
import { readAdvertisements } from "./advertisements.ts";
import type { CommunityAliases } from "./communities.ts";
import {
  fault,
  type Findings,
  readBoolean,
  readFields,
  readList,
  readText,
  readWord,
  shownName,
} from "./fields.ts";
import { readReserved, readServiceAllocation, readStickyTime } from "./service_allocation.ts";
import type { Advertisement, Config, Pool, Protocol } from "./types.ts";
import type { TreeEntry, TreeNode, TreeScalar } from "./tree.ts";

/** A range with its place, for what is checked across pools. */
export interface PlacedRange {
  readonly range: AddressRange;
  readonly scalar: TreeScalar;
  readonly pool: string;
}

/** The keys of a pool. */
export const POOL_KEYS = [
  "name",
  "protocol",
  "addresses",
  "avoid-buggy-ips",
  "auto-assign",
  "reserved-addresses",
  "sticky-time",
  "service-allocation",
  "bgp-advertisements",
];

/** Pools and how they are announced. */
type Announced = Pick<Config, "pools" | "layer2" | "bgp">;

/**
 * Reads `address-pools`; `placed` receives every range that could be read. What a pool says of its
 * protocol becomes advertisements that select this pool.
 */
export function readPools(
  entry: TreeEntry | undefined,
  aliases: CommunityAliases,
  placed: PlacedRange[],
  to: Findings,
): Announced {
  const names = new Map<string, ConfigPlace>();
  const read = readList(entry, to).map((node) => readPool(node, aliases, placed, names, to))
    .filter((one) => one !== undefined);
  return {
    pools: read.flatMap(({ pools }) => pools),
    layer2: read.flatMap(({ layer2 }) => layer2),
    bgp: read.flatMap(({ bgp }) => bgp),
  };
}

function readPool(
  node: TreeNode,
  aliases: CommunityAliases,
  placed: PlacedRange[],
  names: Map<string, ConfigPlace>,
  to: Findings,
): Announced | undefined {
  const required = ["name", "protocol", "addresses"];
  const fields = readFields(node, "a pool", POOL_KEYS, to, { required });
  if (fields === undefined) return undefined;
  const name = readName(fields.get("name"), names, to);
  const protocol = readWord<Protocol>(fields.get("protocol"), ["layer2", "bgp"], to);
  const ranges = readRanges(fields.get("addresses"), name ?? "", placed, to);
  const routes = readAdvertisements(
    fields.get("bgp-advertisements"),
    protocol,
    ranges,
    aliases,
    to,
  );
  const pool: Pool = {
    name: name ?? "",
    labels: new Map(),
    ranges,
    avoidBuggyIps: readBoolean(fields.get("avoid-buggy-ips"), false, to),
    autoAssign: readBoolean(fields.get("auto-assign"), true, to),
    reserved: readReserved(fields.get("reserved-addresses"), ranges, to),
    stickyMs: readStickyTime(fields.get("sticky-time"), to),
    serviceAllocation: readServiceAllocation(fields.get("service-allocation"), to),
  };
  const selection = selectionOf(pool);
  return {
    pools: [pool],
    layer2: protocol === "bgp" ? [] : [{ ...selection, interfaces: [] }],
    bgp: routes.map((route) => ({ ...selection, peers: [], ...route })),
  };
}

/** Selects this pool alone, for every Service and from every node. */
function selectionOf({ name }: Pool): Advertisement {
  return { pools: [name], poolSelectors: [], nodeSelectors: [], serviceSelectors: [] };
}

function readName(
  entry: TreeEntry | undefined,
  names: Map<string, ConfigPlace>,
  to: Findings,
): string | undefined {
  const name = readText(entry, to);
  if (name === undefined || entry === undefined) return undefined;
  const before = names.get(name);
  if (before !== undefined) {
    fault(
      to,
      entry.value,
      `a pool named "${shownName(name)}" stands here again`,
      undefined,
      before,
    );
  } else names.set(name, entry.value.place);
  return name;
}

function readRanges(
  entry: TreeEntry | undefined,
  pool: string,
  placed: PlacedRange[],
  to: Findings,
): AddressRange[] {
  const items = readList(entry, to);
  if (items.length === 0 && entry?.value.kind === "list") {
    fault(to, entry.key, 'the pool has no "addresses"');
  }
  const ranges: AddressRange[] = [];
  for (const item of items) {
    if (item.kind !== "scalar") {
      fault(to, item, "an address must be FIRST-LAST or ADDRESS/LENGTH");
      continue;
    }
    const range = readRange(item, to);
    if (range === undefined) continue;
    ranges.push(range);
    placed.push({ range, scalar: item, pool });
  }
  return ranges;
}
