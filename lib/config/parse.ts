import { counted } from "../base/counted.ts";
import type { ConfigPlace, ConfigProblem } from "../base/errors.ts";
import { compareIp } from "../net/ip.ts";
import { rangesOverlap } from "../net/range.ts";
import { readProfiles } from "./bfd.ts";
import { definedAliases, readAliases } from "./communities.ts";
import { fault, type Findings, MAX_TOLD, readFields, shown, shownName } from "./fields.ts";
import { PEER_KEYS, readPeers } from "./peers.ts";
import { type PlacedRange, POOL_KEYS, readPools } from "./pools.ts";
import type { Position } from "./places.ts";
import { placeText } from "./report.ts";
import { comparePlaces, type TreeEntry, type TreeNode } from "./tree.ts";
import type { Config } from "./types.ts";
import { readYaml, withoutMark } from "./yaml.ts";

/** A configuration, or what is wrong with it. */
interface ParsedConfig {
  /** Undefined when any problem is an error. */
  readonly config: Config | undefined;
  /** All of them, in the order of the text. */
  readonly problems: readonly ConfigProblem[];
}

/** The keys of a configuration at its top. */
export const CONFIG_KEYS = ["peers", "address-pools", "bgp-communities", "bfd-profiles"];
const CONFIG_KEY_IN_TEXT = new RegExp(`^ *(?:${CONFIG_KEYS.join("|")}):`, "m");

/**
 * Reads the text of a configuration (MetalLB v0.12.1 internal/config) and checks it as a whole.
 * Never throws. `move` turns a place in this text into one in the file around it.
 */
export function parseConfig(
  text: string,
  source: string,
  move: (position: Position) => Position = (position) => position,
): ParsedConfig {
  const to: Findings = { mistakes: [] };
  const config = readConfig(withoutMark(text), source, to);
  const moved = (place: ConfigPlace) =>
    place.kind === "text" ? { ...place, ...move(place) } : place;
  const problems = to.mistakes.sort((a, b) => comparePlaces(a.place, b.place))
    .map(({ severity, place, message, hint, other }): ConfigProblem => ({
      severity,
      place: moved(place),
      message: other === undefined
        ? message
        : `${message}, the first is ${placeOfFirst(moved(other))}`,
      ...hint === undefined ? {} : { hint },
    }));
  const isWrong = problems.some(({ severity }) => severity === "error");
  return { config: isWrong ? undefined : config, problems: atMost(problems) };
}

function placeOfFirst(place: ConfigPlace): string {
  return place.kind === "text" ? `in line ${place.line}` : placeText(place);
}

function atMost(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const last = problems[MAX_TOLD];
  if (last === undefined) return problems;
  const more = `and ${counted(problems.length - MAX_TOLD, "more problem")}`;
  return [...problems.slice(0, MAX_TOLD), { ...last, message: more, hint: undefined }];
}

function readConfig(text: string, source: string, to: Findings): Config | undefined {
  const documents = readYaml(text, source);
  to.mistakes.push(...documents.flatMap(({ mistakes }) => mistakes));
  if (to.mistakes.length > 0 && documents.every(({ root }) => root === undefined)) return undefined;
  // What is empty counts for nothing: a tool may end, or begin, a text with the line of a document.
  const [root, second] = documents.map(({ root }) => root)
    .filter((root) => root !== undefined && !isEmptyText(root));
  if (second !== undefined) {
    fault(to, second, "a second document begins here, a configuration is one");
  }
  // A half-written file looks like this: it must not take every address away.
  if (root === undefined) {
    fault(
      to,
      { place: { kind: "text", source, line: 1, column: 1 } },
      "there is no configuration in it",
      "write {} for one without pools and peers",
    );
    return undefined;
  }
  return readRoot(root, to);
}

function isEmptyText(node: TreeNode): boolean {
  return node.kind === "scalar" && !node.quoted && node.text === "";
}

/**
 * Where a key belongs that lost its indentation, as on pages that show no blanks, and what to do
 * with one that a chart's values or a manifest have around the configuration.
 */
function homeOf({ key: { text }, value }: TreeEntry): string | undefined {
  const home = PEER_KEYS.includes(text) ? "peer" : POOL_KEYS.includes(text) ? "pool" : undefined;
  if (home !== undefined) return `it belongs to a ${home}: indent it as the ${home}'s first key is`;
  if (!holdsConfig(value)) return undefined;
  return "what stands under it is the configuration: write that alone, from the left margin on";
}

function holdsConfig(node: TreeNode): boolean {
  if (node.kind === "scalar") return CONFIG_KEY_IN_TEXT.test(node.text);
  return node.kind === "map" &&
    node.entries.some(({ key, value }) => CONFIG_KEYS.includes(key.text) || holdsConfig(value));
}

function readRoot(root: TreeNode, to: Findings): Config | undefined {
  const fields = readFields(root, "the configuration", CONFIG_KEYS, to, { homeOf });
  if (fields === undefined) return undefined;
  const bfdProfiles = readProfiles(fields.get("bfd-profiles"), to);
  const peers = readPeers(fields.get("peers"), profileNames(fields.get("bfd-profiles")?.value), to);
  const placed: PlacedRange[] = [];
  const aliases = readAliases(fields.get("bgp-communities"), to);
  const announced = readPools(fields.get("address-pools"), aliases, placed, to);
  checkOverlaps(placed, to);
  return { ...announced, peers, bfdProfiles, communities: definedAliases(aliases) };
}

/** Every name under `bfd-profiles`, of wrong profiles too: their use is no second mistake. */
function profileNames(node: TreeNode | undefined): Set<string> {
  const names = new Set<string>();
  for (const item of node?.kind === "list" ? node.items : []) {
    for (const { key, value } of item.kind === "map" ? item.entries : []) {
      if (key.text === "name" && value.kind === "scalar") names.add(value.text);
    }
  }
  return names;
}

function checkOverlaps(placed: readonly PlacedRange[], to: Findings): void {
  const sorted = [...placed].sort((a, b) => compareIp(a.range.first, b.range.first));
  let reach: PlacedRange | undefined;
  for (const one of sorted) {
    if (reach !== undefined && rangesOverlap(reach.range, one.range)) {
      // The later one in the text is the one to be mended.
      const isFirst = comparePlaces(reach.scalar.place, one.scalar.place) < 0;
      const [first, second] = isFirst ? [reach, one] : [one, reach];
      fault(
        to,
        second.scalar,
        `"${shown(second.scalar.text)}" overlaps "${shown(first.scalar.text)}" of pool "${
          shownName(first.pool)
        }"`,
        undefined,
        first.scalar.place,
      );
    }
    const isFurther = reach === undefined || typeof reach.range.last !== typeof one.range.last ||
      one.range.last > reach.range.last;
    if (isFurther) reach = one;
  }
}
