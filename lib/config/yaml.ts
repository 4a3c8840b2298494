import { isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments } from "@std/yaml";
import type { ConfigPlace } from "../base/errors.ts";
import { lookalikeIn } from "./lookalikes.ts";
import { placesOf } from "./places.ts";
import {
  MAX_DEPTH,
  type Mistake,
  type TreeDocument,
  type TreeEntry,
  type TreeNode,
  type TreeScalar,
} from "./tree.ts";

/** A ConfigMap cannot hold more than 1 MiB. */
const MAX_TEXT = 1024 * 1024;
/** Ten thousand values are a thousand pools; a bomb of aliases would be billions. */
export const MAX_NODES = 10_000;

/** How much of a text is read, and where in its file it begins. */
interface Extent {
  readonly maxText: number;
  readonly maxNodes: number;
  /** The line of the file in which the text begins; counts from 1. */
  readonly firstLine: number;
}

/** Of the lines around a mistake so many characters: a line may be a megabyte. */
const LONGEST_LOOKED_AT = 4_096;

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
  const refused = refuseText(text, maxText);
  if (refused !== undefined) return [{ root: undefined, mistakes: [mistakeAt(at, refused)] }];
  const documents = parseAllDocuments(text, {
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
  });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    // After the first error the rest of the tree is a guess.
    const [error] = document.errors;
    if (error !== undefined) {
      const { message, pos: [offset] } = error;
      const odd = lookalikeNear(text, offset);
      const found = {
        message: `this is no YAML: ${message}`,
        offset: odd?.offset ?? Math.min(offset, text.length),
        hint: odd?.hint ?? yamlHint(text, offset),
      };
      return { root: undefined, mistakes: [mistakeAt(at, found)] };
    }
    const reading: Reading = {
      at,
      resolve: (alias) => isAlias(alias) ? alias.resolve(document) : undefined,
      mistakes: [],
      maxNodes,
      nodes: 0,
      stopped: false,
    };
    const root = document.contents === null ? undefined : readNode(reading, document.contents, 0);
    return { root: reading.stopped ? undefined : root, mistakes: reading.mistakes };
  });
}

/** Something wrong with the text at `offset`. */
interface TextMistake {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
  /** Another offset that belongs to it. */
  readonly other?: number;
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

function refuseText(text: string, maxText: number): TextMistake | undefined {
  if (text.length > maxText) {
    return {
      offset: maxText,
      message: `the text has ${text.length} characters, at most ${maxText} are read`,
    };
  }
  // Line feed, carriage return and tabulator are the control characters of text.
  // deno-lint-ignore no-control-regex
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control !== null) {
    const code = (control[0].charCodeAt(0)).toString(16).padStart(4, "0");
    return {
      offset: control.index,
      message: `control character U+${code} at offset ${control.index}`,
      hint: "save the file as UTF-8 text",
    };
  }
  const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\ufffd/.exec(
    text,
  );
  if (lone !== null) {
    return {
      offset: lone.index,
      message: `bytes that are no UTF-8 text at offset ${lone.index}`,
      hint: "save the file as UTF-8 text",
    };
  }
  return deepest(text);
}

/** The YAML reader calls itself for each level: text of too many levels must not reach it. */
function deepest(text: string): TextMistake | undefined {
  let depth = 0;
  for (let offset = 0; offset < text.length; offset++) {
    const character = text[offset];
    if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > MAX_DEPTH) return tooDeep(offset);
  }
  const dashes = /^[ ]*(?:[-?] +){65}/m.exec(text);
  if (dashes !== null) return tooDeep(dashes.index);
  const indent = /^ {4096}/m.exec(text);
  return indent === null ? undefined : tooDeep(indent.index);
}

function tooDeep(offset: number): TextMistake {
  return { offset, message: `more than ${MAX_DEPTH} levels inside each other` };
}

/** A character of another kind in the lines around, for which YAML blames the text beside it. */
function lookalikeNear(
  text: string,
  offset: number,
): { readonly offset: number; readonly hint: string } | undefined {
  const start = text.lastIndexOf("\n", text.lastIndexOf("\n", offset - 1) - 1) + 1;
  const lines = text.slice(start, start + LONGEST_LOOKED_AT).split("\n").slice(0, 4);
  let begin = start;
  for (const line of lines) {
    const found = lookalikeIn(line.replace(/(?:^|\s)#.*$/, ""));
    if (found !== undefined) return { offset: begin + found.index, hint: found.hint };
    begin += line.length + 1;
  }
  return undefined;
}

function yamlHint(text: string, offset: number): string | undefined {
  if (/\{\{-? *[\w.$"(/]/.test(text)) {
    return "this is a template: check what it makes, helm template FOLDER | herald validate -";
  }
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1);
  return /^\s*\t/.test(line) ? "indent with blanks, YAML takes no tabulators" : undefined;
}

/** The library's tree being turned into ours, aliases put in their places, within the bounds. */
interface Reading {
  readonly at: At;
  readonly resolve: (alias: Node) => Node | undefined;
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
    const target = reading.resolve(node);
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
    complain(reading, { offset, message: `the key "${text}" stands here again`, other });
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
