import { bitsOf, familyOf } from "../net/ip.ts";
import { type AddressRange, prefixLengths } from "../net/range.ts";
import { readRange } from "./addresses.ts";
import {
  type Community,
  type CommunityAliases,
  formatCommunity,
  readCommunity,
} from "./communities.ts";
import {
  fault,
  type Findings,
  missing,
  readBoolean,
  readFields,
  readInteger,
  readList,
  readText,
  readWord,
  shown,
} from "./fields.ts";
import { readReserved, readServiceAllocation, readStickyTime } from "./service_allocation.ts";
import type { BgpAdvertisement, LargeCommunity, Pool, PoolProtocol } from "./types.ts";
import type { YamlEntry, YamlNode, YamlScalar } from "./yaml.ts";

/** A range with its place, for what is checked across pools. */
export interface PlacedRange {
  readonly range: AddressRange;
  readonly scalar: YamlScalar;
  readonly pool: string;
}

const KEYS = [
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
const ADVERTISEMENT_KEYS = [
  "aggregation-length",
  "aggregation-length-v6",
  "localpref",
  "communities",
];

/** Reads `address-pools`; `placed` receives every range that could be read. */
export function readPools(
  entry: YamlEntry | undefined,
  aliases: CommunityAliases,
  placed: PlacedRange[],
  to: Findings,
): Pool[] {
  const pools: Pool[] = [];
  const names = new Map<string, number>();
  for (const node of readList(entry, to)) {
    const pool = readPool(node, aliases, placed, names, to);
    if (pool !== undefined) pools.push(pool);
  }
  return pools;
}

function readPool(
  node: YamlNode,
  aliases: CommunityAliases,
  placed: PlacedRange[],
  names: Map<string, number>,
  to: Findings,
): Pool | undefined {
  const fields = readFields(node, "a pool", KEYS, to);
  if (fields === undefined) return undefined;
  const name = readName(node, fields.get("name"), names, to);
  const protocol = readWord<PoolProtocol>(fields.get("protocol"), ["layer2", "bgp"], to);
  if (!fields.has("protocol")) missing(node, "protocol", "the pool", to);
  const ranges = readRanges(node, fields.get("addresses"), name ?? "", placed, to);
  const bgpAdvertisements = readAdvertisements(
    fields.get("bgp-advertisements"),
    protocol,
    ranges,
    aliases,
    to,
  );
  return {
    name: name ?? "",
    protocol: protocol ?? "layer2",
    ranges,
    avoidBuggyIps: readBoolean(fields.get("avoid-buggy-ips"), false, to),
    autoAssign: readBoolean(fields.get("auto-assign"), true, to),
    reserved: readReserved(fields.get("reserved-addresses"), ranges, to),
    stickyMs: readStickyTime(fields.get("sticky-time"), to),
    serviceAllocation: readServiceAllocation(fields.get("service-allocation"), to),
    bgpAdvertisements,
  };
}

function readName(
  node: YamlNode,
  entry: YamlEntry | undefined,
  names: Map<string, number>,
  to: Findings,
): string | undefined {
  const name = readText(entry, to);
  if (name === undefined || name === "" || entry === undefined) {
    if (entry === undefined || entry.value.kind === "scalar") missing(node, "name", "the pool", to);
    return undefined;
  }
  const before = names.get(name);
  if (before !== undefined) {
    fault(to, entry.value, `a pool named "${shown(name)}" stands here again`, undefined, before);
  } else names.set(name, entry.value.offset);
  return name;
}

function readRanges(
  node: YamlNode,
  entry: YamlEntry | undefined,
  pool: string,
  placed: PlacedRange[],
  to: Findings,
): AddressRange[] {
  const items = readList(entry, to);
  if (items.length === 0 && (entry === undefined || entry.value.kind !== "map")) {
    const isWrongKind = entry !== undefined && entry.value.kind === "scalar" &&
      entry.value.text !== "";
    if (!isWrongKind) missing(entry?.key ?? node, "addresses", "the pool", to);
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

function readAdvertisements(
  entry: YamlEntry | undefined,
  protocol: PoolProtocol | undefined,
  ranges: readonly AddressRange[],
  aliases: CommunityAliases,
  to: Findings,
): BgpAdvertisement[] {
  const items = readList(entry, to);
  if (protocol === "layer2" && entry !== undefined && items.length > 0) {
    fault(
      to,
      entry.key,
      'a pool of protocol layer2 has no "bgp-advertisements"',
      "protocol: bgp is for those",
    );
  }
  const seen = new Map<string, number>();
  const found: BgpAdvertisement[] = [];
  for (const item of items) {
    const advertisement = readAdvertisement(item, ranges, aliases, to);
    if (advertisement === undefined) continue;
    const text = JSON.stringify(advertisement);
    const before = seen.get(text);
    if (before !== undefined) {
      fault(to, item, "an equal advertisement stands here again", undefined, before);
    } else seen.set(text, item.offset);
    found.push(advertisement);
  }
  if (protocol === "layer2") return [];
  const plain = { aggregationLength: 32, aggregationLengthV6: 128, localPref: 0 };
  return found.length > 0 ? found : [{ ...plain, communities: [], largeCommunities: [] }];
}

function readAdvertisement(
  node: YamlNode,
  ranges: readonly AddressRange[],
  aliases: CommunityAliases,
  to: Findings,
): BgpAdvertisement | undefined {
  const fields = readFields(node, "an advertisement", ADVERTISEMENT_KEYS, to);
  if (fields === undefined) return undefined;
  const communities = new Map<string, { value: Community; scalar: YamlScalar }>();
  for (const item of readList(fields.get("communities"), to)) {
    if (item.kind !== "scalar") {
      fault(to, item, "a community must be a text such as 64512:100 or a name");
      continue;
    }
    const value = readCommunity(item, aliases, to);
    if (value === undefined) continue;
    const before = communities.get(formatCommunity(value));
    if (before !== undefined) {
      fault(
        to,
        item,
        `the community "${shown(item.text)}" stands here again`,
        undefined,
        before.scalar.offset,
      );
    } else communities.set(formatCommunity(value), { value, scalar: item });
  }
  const values = [...communities.values()].map(({ value }) => value);
  return {
    aggregationLength: readAggregation(fields.get("aggregation-length"), 4, ranges, to),
    aggregationLengthV6: readAggregation(fields.get("aggregation-length-v6"), 6, ranges, to),
    localPref: readInteger(fields.get("localpref"), 0, 0xffff_ffff, to) ?? 0,
    communities: values.filter((value) => typeof value === "number").sort((a, b) => a - b),
    largeCommunities: values.filter((value) => typeof value !== "number").sort(byParts),
  };
}

function byParts(a: LargeCommunity, b: LargeCommunity): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function readAggregation(
  entry: YamlEntry | undefined,
  family: 4 | 6,
  ranges: readonly AddressRange[],
  to: Findings,
): number {
  const most = bitsOf(family);
  const length = readInteger(entry, 0, most, to);
  if (length === undefined || entry === undefined) return most;
  for (const range of ranges) {
    const [shortest] = familyOf(range.first) === family ? prefixLengths(range) : [];
    if (shortest === undefined || length >= shortest) continue;
    fault(
      to,
      entry.value,
      `"${entry.key.text}" ${length} would announce more than ${range.text}, whose largest piece is a /${shortest}`,
      `write ${shortest} or more`,
    );
    break;
  }
  return length;
}
