import { type Document, isAlias, isMap, isScalar, isSeq, type Node, visit } from "@std/yaml";
import type { ConfigPlace } from "../base/errors.ts";
import { placesOf } from "./places.ts";
import { keyWithoutSecret } from "./secrets.ts";
import {
  MAX_DEPTH,
  type Mistake,
  type TreeDocument,
  type TreeEntry,
  type TreeNode,
  type TreeScalar,
} from "./tree.ts";
import { composeYaml, type TextMistake, tooDeep } from "./yaml_compose.ts";

/** A ConfigMap cannot hold more than 1 MiB. */
const MAX_TEXT = 1024 * 1024;
/** Ten thousand values are a thousand pools; a bomb of aliases would be billions. */
export const MAX_NODES = 10_000;
/** A key and its value in a line of their own have eight: enough for ten thousand values. */
const MAX_TOKENS = 8 * MAX_NODES;
/** The same for a manifest, however large: the words of an object have six letters, with the blanks. */
const LETTERS_PER_TOKEN = 4;

/** How much of a text is read, and where in its file it begins. */
interface Extent {
  readonly maxText: number;
  readonly maxNodes: number;
  /** The line of the file in which the text begins; counts from 1. */
  readonly firstLine: number;
}

const CONFIGURATION: Extent = { maxText: MAX_TEXT, maxNodes: MAX_NODES, firstLine: 1 };

/** Names that would reach into JavaScript's own objects; no key of the grammar is like them. */
const STRING_TAG = "tag:yaml.org,2002:str";
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** The text without the byte order mark that some editors put first. */
export function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/**
 * Reads all documents of a text without mark; `source` names the text in problems. Never throws;
 * work and memory are bounded.
 */
export function readYaml(
  text: string,
  source: string,
  { firstLine, maxNodes, maxText }: Extent = CONFIGURATION,
): TreeDocument[] {
  const place = placesOf(text);
  const at = (offset: number): ConfigPlace => {
    const { column, line } = place(offset);
    return { kind: "text", source, line: line + firstLine - 1, column };
  };
  const maxTokens = maxNodes === MAX_NODES
    ? MAX_TOKENS
    : Math.max(MAX_TOKENS, Math.ceil(text.length / LETTERS_PER_TOKEN));
  const composed = composeYaml(text, { maxText, maxTokens });
  if (composed.kind === "mistake") {
    return [{ root: undefined, mistakes: [mistakeAt(at, composed.mistake)] }];
  }
  return composed.documents.map((document) => {
    const reading: Reading = {
      at,
      targets: targetsOf(document),
      mistakes: [],
      maxNodes,
      nodes: 0,
      stopped: false,
    };
    const root = document.contents === null ? undefined : readNode(reading, document.contents, 0);
    return { root: reading.stopped ? undefined : root, mistakes: reading.mistakes };
  });
}

/** What each alias stands for: the last node before it that has the anchor of its name. */
function targetsOf(document: Document): ReadonlyMap<unknown, Node> {
  const anchored = new Map<string, Node>();
  const targets = new Map<unknown, Node>();
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        const target = anchored.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) anchored.set(node.anchor, node);
    },
  });
  return targets;
}

type At = (offset: number) => ConfigPlace;

function mistakeAt(at: At, { offset, message, hint, other }: TextMistake): Mistake {
  const place = at(offset);
  return {
    severity: "error",
    place,
    message,
    hint,
    other: other === undefined ? other : at(other),
  };
}

/** The library's tree being turned into ours, aliases put in their places, within the bounds. */
interface Reading {
  readonly at: At;
  /** What aliases stand for. */
  readonly targets: ReadonlyMap<unknown, Node>;
  readonly mistakes: Mistake[];
  readonly maxNodes: number;
  nodes: number;
  stopped: boolean;
}

function readNode(reading: Reading, node: unknown, depth: number, from?: number): TreeNode {
  const offset = from ?? offsetOf(node);
  if (depth > MAX_DEPTH) return stop(reading, tooDeep(offset));
  if (++reading.nodes > reading.maxNodes) {
    const message = `more than ${reading.maxNodes} values, aliases counted each time`;
    return stop(reading, { offset, message });
  }
  const place = reading.at(offset);
  if (isAlias(node)) {
    const target = reading.targets.get(node);
    if (target !== undefined) return readNode(reading, target, depth + 1, offset);
    // The name is not told: it may be a password that begins with an asterisk.
    const message = "no anchor of this name stands before the alias";
    complain(reading, { offset, message, hint: "put a text that begins with * into quotes" });
    return { kind: "scalar", text: "", quoted: false, place };
  }
  if (isMap(node)) return { kind: "map", place, entries: readEntries(reading, node.items, depth) };
  if (isSeq(node)) {
    const items: TreeNode[] = [];
    for (const item of node.items) {
      if (!reading.stopped) items.push(readNode(reading, item, depth + 1));
    }
    return { kind: "list", place, items };
  }
  if (!isScalar(node)) return { kind: "scalar", text: "", quoted: false, place };
  const text = typeof node.value === "string" ? node.value : "";
  const isPlain = node.type === undefined || node.type === "PLAIN";
  return { kind: "scalar", text, quoted: !isPlain || node.tag === STRING_TAG, place };
}

function readEntries(
  reading: Reading,
  items: readonly { readonly key: unknown; readonly value: unknown }[],
  depth: number,
): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const seen = new Map<string, number>();
  for (const { key, value } of items) {
    if (reading.stopped) break;
    const name = readNode(reading, key, depth + 1);
    const offset = offsetOf(key);
    if (name.kind !== "scalar") {
      complain(reading, { offset, message: "a key must be a word, not a list or a map" });
      continue;
    }
    const from = value === null ? offset + name.text.length : undefined;
    const content = readNode(reading, value, depth + 1, from);
    if (isUsable(reading, name, offset, seen)) entries.push({ key: name, value: content });
  }
  return entries;
}

function isUsable(
  reading: Reading,
  { text }: TreeScalar,
  offset: number,
  seen: Map<string, number>,
): boolean {
  const other = seen.get(text);
  if (FORBIDDEN_KEYS.has(text)) {
    complain(reading, { offset, message: `the key "${text}" is not allowed` });
  } else if (text === "<<") {
    const message = 'merge keys ("<<") are not read';
    complain(reading, { offset, message, hint: "write the keys out" });
  } else if (other !== undefined) {
    complain(reading, {
      offset,
      message: `the key "${keyWithoutSecret(text)}" stands here again`,
      other,
    });
  } else {
    seen.set(text, offset);
    return true;
  }
  return false;
}

function complain({ at, mistakes }: Reading, mistake: TextMistake): void {
  mistakes.push(mistakeAt(at, mistake));
}

function stop(reading: Reading, mistake: TextMistake): TreeScalar {
  if (!reading.stopped) complain(reading, mistake);
  reading.stopped = true;
  return { kind: "scalar", text: "", quoted: false, place: reading.at(mistake.offset) };
}

function offsetOf(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node)) return 0;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : 0;
}
