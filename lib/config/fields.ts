import type { ConfigPlace } from "../base/errors.ts";
import { didYouMean, nearest } from "../base/nearest.ts";
import type { Millis } from "../base/time.ts";
import { parseDuration } from "./duration.ts";
import { lookalikeIn, withoutLookalikes } from "./lookalikes.ts";
import { keyWithoutSecret, withoutSecret } from "./secrets.ts";
import type { Mistake, Placed, TreeEntry, TreeNode, TreeScalar } from "./tree.ts";

/** More mistakes would not be read by anybody at once. */
export const MAX_TOLD = 100;

/** Collects what is wrong while the reading goes on. */
export interface Findings {
  readonly mistakes: Mistake[];
}

/** Notes an error at a node. */
export function fault(
  to: Findings,
  at: Placed,
  message: string,
  hint?: string,
  other?: ConfigPlace,
): void {
  to.mistakes.push({ severity: "error", place: at.place, message, hint, other });
}

/** Notes something that is allowed and probably not meant. */
export function warn(
  to: Findings,
  at: Placed,
  message: string,
  hint?: string,
): void {
  to.mistakes.push({ severity: "warning", place: at.place, message, hint });
}

/** What is said of a map beside its keys. */
interface FieldRules {
  /** Keys that must have a value. */
  readonly required?: readonly string[];
  /** Tells of a key that stands in the wrong map where it, or what stands under it, belongs. */
  readonly homeOf?: (entry: TreeEntry) => string | undefined;
  /** Keys of other versions, and those that have their place. */
  readonly formerly?: ReadonlyMap<string, string>;
}

const NO_OTHERS: ReadonlyMap<string, string> = new Map();

/**
 * The entries of a map by key; other keys than these are errors. `what` names it in messages, as
 * "a peer". A key without a value is as absent as one that is not there: it is in no result, and is
 * missing where it is required; an empty text (`""`) is missing too.
 */
export function readFields(
  node: TreeNode,
  what: string,
  keys: readonly string[],
  to: Findings,
  { required = [], homeOf = () => undefined, formerly = NO_OTHERS }: FieldRules = {},
): ReadonlyMap<string, TreeEntry> | undefined {
  if (node.kind !== "map") {
    if (!isNull(node)) {
      fault(to, node, `${what} must be a map of ${keys.join(", ")}, not ${kindOf(node)}`);
    } else fault(to, node, `${what} is empty`, `write ${keys.slice(0, 3).join(", ")} …`);
    return undefined;
  }
  const found = new Map<string, TreeEntry>();
  const unknown: TreeEntry[] = [];
  for (const entry of node.entries) {
    if (keys.includes(entry.key.text)) found.set(entry.key.text, entry);
    else unknown.push(entry);
  }
  for (const entry of unknown) {
    const word = entry.key.text;
    const plain = withoutLookalikes(word);
    // To look for what is meant by ten thousand keys takes a second, and a hundred are told of.
    const isTold = to.mistakes.length < 2 * MAX_TOLD;
    const meant = isTold ? formerly.get(plain) ?? nearest(plain, keys) : undefined;
    const hint = lookalikeIn(word)?.hint ?? homeOf(entry) ??
      (meant !== undefined
        ? `did you mean "${meant}"?`
        : isTold
        ? didYouMean(word, keys)
        : undefined);
    // Without a value it may be one that lost its key.
    const said = meant !== undefined
      ? shownName(word)
      : isNull(entry.value)
      ? shown(word)
      : shownKey(word);
    fault(to, entry.key, `unknown key "${said}" in ${what}`, hint);
    // Read as what was meant: its absence would be a second complaint about one mistake.
    if (meant !== undefined && !found.has(meant)) found.set(meant, entry);
  }
  for (const key of required) {
    const entry = found.get(key);
    if (entry !== undefined && !isEmpty(entry.value)) continue;
    fault(to, entry?.key ?? node, `${what.replace(/^an? /, "the ")} has no "${key}"`);
    // Its reader shall not complain a second time.
    found.delete(key);
  }
  for (const [key, { value }] of found) {
    if (!isNull(value)) continue;
    found.delete(key);
    // MetalLB takes these two for nothing in a text, and for 0 in a number.
    if (isOddNull(value)) fault(to, value, `"${key}" is ${value.text}`, "leave the key out");
  }
  return found;
}

/** The items of a list; absence is an empty one. */
export function readList(entry: TreeEntry | undefined, to: Findings): readonly TreeNode[] {
  if (entry === undefined) return [];
  if (entry.value.kind === "list") return entry.value.items;
  fault(
    to,
    entry.value,
    `"${entry.key.text}" must be a list, not ${kindOf(entry.value)}`,
    'begin each item with "- "',
  );
  return [];
}

/** A text; `undefined` when it is absent, empty or no text. */
export function readText(entry: TreeEntry | undefined, to: Findings): string | undefined {
  return textOf(entry, "a text", to)?.text;
}

/** A whole number from `least` to `most`, in decimal digits. */
export function readInteger(
  entry: TreeEntry | undefined,
  least: number,
  most: number,
  to: Findings,
): number | undefined {
  const scalar = scalarOf(entry, `a number from ${least} to ${most}`, to);
  if (scalar === undefined || entry === undefined) return undefined;
  const name = entry.key.text;
  if (scalar.quoted || !/^-?(0|[1-9][0-9]{0,15})$/.test(scalar.text)) {
    const hint = scalar.quoted ? "leave the quotes out" : "write decimal digits";
    fault(
      to,
      scalar,
      `"${name}" must be a number from ${least} to ${most}, not "${shown(scalar.text)}"`,
      hint,
    );
    return undefined;
  }
  const value = Number(scalar.text);
  if (value >= least && value <= most) return value;
  fault(to, scalar, `"${name}" is ${scalar.text}, allowed is ${least} to ${most}`);
  return undefined;
}

// The words of YAML 1.1 that MetalLB's reader takes for booleans.
const TRUE = new Set(["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"]);
const FALSE = new Set(["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"]);

/** A boolean in any word of YAML 1.1. */
export function readBoolean(
  entry: TreeEntry | undefined,
  otherwise: boolean,
  to: Findings,
): boolean {
  const scalar = scalarOf(entry, "true or false", to);
  if (scalar === undefined) return otherwise;
  if (!scalar.quoted && TRUE.has(scalar.text)) return true;
  if (!scalar.quoted && FALSE.has(scalar.text)) return false;
  const near = nearHint(scalar.text, ["true", "false"]);
  const hint = scalar.quoted ? "leave the quotes out" : near;
  fault(
    to,
    scalar,
    `"${entry?.key.text}" must be true or false, not "${
      near ? shownName(scalar.text) : shown(scalar.text)
    }"`,
    hint,
  );
  return otherwise;
}

/** The word that is meant; nothing where none is near, for the message has named them all. */
function nearHint(word: string, words: readonly string[]): string | undefined {
  const near = nearest(word, words);
  return near === undefined ? undefined : `did you mean "${near}"?`;
}

/** A duration as Go writes it; `example` shows a likely one. */
export function readDuration(
  entry: TreeEntry | undefined,
  example: string,
  to: Findings,
): Millis | undefined {
  const scalar = textOf(entry, `a duration such as ${example}`, to);
  if (scalar === undefined) return undefined;
  const ms = parseDuration(scalar.text);
  if (ms !== undefined) return ms;
  const hint = /^\d+$/.test(scalar.text)
    ? `write ${scalar.text}s`
    : `write a number with a unit, for example ${example} or 1m30s`;
  fault(to, scalar, `"${entry?.key.text}" must be a duration, not "${shown(scalar.text)}"`, hint);
  return undefined;
}

/** One of a few words. */
export function readWord<W extends string>(
  entry: TreeEntry | undefined,
  words: readonly W[],
  to: Findings,
): W | undefined {
  const scalar = textOf(entry, words.join(" or "), to);
  if (scalar === undefined) return undefined;
  const found = words.find((word) => word === scalar.text);
  if (found !== undefined) return found;
  const hint = nearHint(scalar.text, words);
  const said = hint === undefined ? shown(scalar.text) : shownName(scalar.text);
  fault(to, scalar, `"${entry?.key.text}" must be ${words.join(" or ")}, not "${said}"`, hint);
  return undefined;
}

/** The scalar of a text; absence and the empty text give undefined without a word, as MetalLB reads them. */
export function textOf(
  entry: TreeEntry | undefined,
  wanted: string,
  to: Findings,
): TreeScalar | undefined {
  const scalar = scalarOf(entry, wanted, to);
  return scalar?.text === "" ? undefined : scalar;
}

/** The scalar of an entry; null and absence give undefined without a word. */
export function scalarOf(
  entry: TreeEntry | undefined,
  wanted: string,
  to: Findings,
): TreeScalar | undefined {
  if (entry === undefined || isNull(entry.value)) return undefined;
  if (entry.value.kind === "scalar") return entry.value;
  fault(to, entry.value, `"${entry.key.text}" must be ${wanted}, not ${kindOf(entry.value)}`);
  return undefined;
}

function isOddNull(node: TreeNode): node is TreeScalar {
  return node.kind === "scalar" && !node.quoted && /^(Null|NULL)$/.test(node.text);
}

function isEmpty(node: TreeNode): boolean {
  return isNull(node) || node.kind === "scalar" && node.text === "";
}

export function isNull(node: TreeNode): boolean {
  return node.kind === "scalar" && !node.quoted && /^(|~|null|Null|NULL)$/.test(node.text);
}

function kindOf(node: TreeNode): string {
  return node.kind === "map" ? "a map" : node.kind === "list" ? "a list" : `"${shown(node.text)}"`;
}

/** A value as a message may quote it: nothing that could be a secret. */
export function shown(text: string): string {
  return asQuoted(withoutSecret(text));
}

/** A key as a message may quote it. */
export function shownKey(text: string): string {
  return asQuoted(keyWithoutSecret(text));
}

/** What people named themselves, in a map that has no secrets, as a message may quote it. */
export function shownName(text: string): string {
  return asQuoted(text);
}

/** Short, without control characters. */
function asQuoted(text: string): string {
  const cut = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(cut).slice(1, -1).replaceAll('\\"', '"');
}
