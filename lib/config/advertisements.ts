import type { ConfigPlace } from "../base/errors.ts";
import { bitsOf, familyOf } from "../net/ip.ts";
import { type AddressRange, prefixLengths } from "../net/range.ts";
import { type CommunityAliases, formatCommunity, readCommunity } from "./communities.ts";
import {
  fault,
  type Findings,
  isNull,
  readFields,
  readInteger,
  readList,
  shownName,
} from "./fields.ts";
import type {
  Advertisement,
  BgpAdvertisement,
  Community,
  LargeCommunity,
  Protocol,
} from "./types.ts";
import type { TreeEntry, TreeNode } from "./tree.ts";

/** What an advertisement says of its routes. */
type Route = Omit<BgpAdvertisement, keyof Advertisement | "peers">;

const KEYS = ["aggregation-length", "aggregation-length-v6", "localpref", "communities"];

/** Reads `bgp-advertisements` of a pool; a pool of BGP without any has a plain one. */
export function readAdvertisements(
  entry: TreeEntry | undefined,
  protocol: Protocol | undefined,
  ranges: readonly AddressRange[],
  aliases: CommunityAliases,
  to: Findings,
): Route[] {
  const items = readList(entry, to);
  if (protocol === "layer2" && entry !== undefined && items.length > 0) {
    fault(
      to,
      entry.key,
      'a pool of protocol layer2 has no "bgp-advertisements"',
      "protocol: bgp is for those",
    );
  }
  const written = new Map<string, ConfigPlace>();
  const meant = new Map<string, Route>();
  for (const item of items) {
    const advertisement = readAdvertisement(item, ranges, aliases, to);
    if (advertisement === undefined) continue;
    const text = asWritten(item);
    const before = written.get(text);
    if (before !== undefined) {
      fault(to, item, "an equal advertisement stands here again", undefined, before);
    } else written.set(text, item.place);
    // MetalLB takes two that are written otherwise and mean the same: they are one.
    meant.set(JSON.stringify(advertisement), advertisement);
  }
  const found = [...meant.values()];
  if (protocol === "layer2") return [];
  const plain = { aggregationLength: 32, aggregationLengthV6: 128, localPref: 0 };
  return found.length > 0 ? found : [{ ...plain, communities: [], largeCommunities: [] }];
}

/** What is written in a node, wherever it stands and in whatever order its keys are. */
function asWritten(node: TreeNode): string {
  if (node.kind === "scalar") return JSON.stringify(isNull(node) ? null : node.text);
  if (node.kind === "list") return `[${node.items.map(asWritten).join()}]`;
  const entries = node.entries.filter(({ value }) => !isNull(value))
    .map(({ key, value }) => `${JSON.stringify(key.text)}:${asWritten(value)}`);
  return `{${entries.sort().join()}}`;
}

function readAdvertisement(
  node: TreeNode,
  ranges: readonly AddressRange[],
  aliases: CommunityAliases,
  to: Findings,
): Route | undefined {
  const fields = readFields(node, "an advertisement", KEYS, to);
  if (fields === undefined) return undefined;
  const written = new Map<string, ConfigPlace>();
  const communities = new Map<string, Community>();
  for (const item of readList(fields.get("communities"), to)) {
    if (item.kind !== "scalar") {
      fault(to, item, "a community must be a text such as 64512:100 or a name");
      continue;
    }
    const value = readCommunity(item, aliases, to);
    if (value === undefined) continue;
    const before = written.get(item.text);
    if (before !== undefined) {
      fault(
        to,
        item,
        `the community "${shownName(item.text)}" stands here again`,
        undefined,
        before,
      );
    } else written.set(item.text, item.place);
    communities.set(formatCommunity(value), value);
  }
  const values = [...communities.values()];
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
  entry: TreeEntry | undefined,
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
