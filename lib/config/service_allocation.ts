import { isNamespaceName } from "../model/names.ts";
import { parseIp } from "../net/ip.ts";
import { type AddressRange, rangeContains } from "../net/range.ts";
import { readRange } from "./addresses.ts";
import {
  fault,
  type Findings,
  readDuration,
  readFields,
  readInteger,
  readList,
  shown,
  shownName,
} from "./fields.ts";
import { readSelectors } from "./label_selectors.ts";
import { FOR_ALL, type ServiceAllocation } from "./types.ts";
import type { TreeEntry, TreeNode, TreeScalar } from "./tree.ts";

const KEYS = ["priority", "namespaces", "namespace-selectors", "service-selectors"];
const MAX_PRIORITY = 0x7fff_ffff;
const MAX_STICKY_MS = 365 * 24 * 3_600_000;

/** Reads `service-allocation` of a pool: newest MetalLB's `serviceAllocation` in this grammar. */
export function readServiceAllocation(
  entry: TreeEntry | undefined,
  to: Findings,
): ServiceAllocation {
  const fields = entry && readFields(entry.value, `"${entry.key.text}"`, KEYS, to);
  if (fields === undefined) return FOR_ALL;
  return {
    priority: readInteger(fields.get("priority"), 0, MAX_PRIORITY, to) ?? 0,
    namespaces: readList(fields.get("namespaces"), to).map((node) => readNamespace(node, to))
      .filter((name) => name !== undefined),
    namespaceSelectors: readSelectors(
      fields.get("namespace-selectors"),
      "a namespace selector",
      to,
    ),
    serviceSelectors: readSelectors(fields.get("service-selectors"), "a service selector", to),
  };
}

function readNamespace(node: TreeNode, to: Findings): string | undefined {
  if (node.kind === "scalar" && isNamespaceName(node.text)) return node.text;
  const text = node.kind === "scalar" ? `"${shownName(node.text)}"` : `a ${node.kind}`;
  fault(to, node, `${text} is no name of a namespace`);
  return undefined;
}

/** Reads `reserved-addresses`: ranges, prefixes and single addresses of this pool. */
export function readReserved(
  entry: TreeEntry | undefined,
  ranges: readonly AddressRange[],
  to: Findings,
): AddressRange[] {
  const reserved: AddressRange[] = [];
  for (const node of readList(entry, to)) {
    if (node.kind !== "scalar") {
      fault(to, node, "a reserved address must be ADDRESS, FIRST-LAST or ADDRESS/LENGTH");
      continue;
    }
    const range = readOne(node) ?? readRange(node, to);
    if (range === undefined) continue;
    const inside = ranges.some((all) =>
      rangeContains(all, range.first) && rangeContains(all, range.last)
    );
    if (inside) reserved.push(range);
    else fault(to, node, `"${shown(node.text)}" does not lie in one of the pool's "addresses"`);
  }
  return reserved;
}

function readOne({ text }: TreeScalar): AddressRange | undefined {
  const ip = parseIp(text.trim());
  return ip === undefined ? undefined : { first: ip, last: ip, text: text.trim() };
}

/** Reads `sticky-time` of a pool in milliseconds; 0 when there is none. */
export function readStickyTime(entry: TreeEntry | undefined, to: Findings): number {
  const ms = readDuration(entry, "24h", to) ?? 0;
  if (ms <= MAX_STICKY_MS || entry === undefined) return ms;
  fault(to, entry.value, `"${entry.key.text}" is more than a year`, "write at most 8760h");
  return 0;
}
