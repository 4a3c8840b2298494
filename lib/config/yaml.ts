import { isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments } from "@std/yaml";

/** Where a thing stands in its text; offset counts characters from 0. */
export interface Place {
  readonly offset: number;
}

/** YAML without types: each scalar is the text that was written, for its field tells what it means. */
export type YamlNode = YamlMap | YamlList | YamlScalar;

export interface YamlScalar extends Place {
  readonly kind: "scalar";
  readonly text: string;
  /** Written in quotes or as a block: never null, never a number. */
  readonly quoted: boolean;
}

export interface YamlList extends Place {
  readonly kind: "list";
  readonly items: readonly YamlNode[];
}

export interface YamlMap extends Place {
  readonly kind: "map";
  readonly entries: readonly YamlEntry[];
}

export interface YamlEntry {
  readonly key: YamlScalar;
  readonly value: YamlNode;
}

/** Something wrong with the text at `offset`. */
export interface YamlMistake extends Place {
  readonly message: string;
  readonly hint?: string;
  /** Another place that belongs to it. */
  readonly other?: number;
}

export interface YamlDocument {
  /** Undefined for an empty document or one that cannot be read. */
  readonly root: YamlNode | undefined;
  readonly mistakes: readonly YamlMistake[];
}

/** A ConfigMap cannot hold more than 1 MiB. */
export const MAX_TEXT = 1024 * 1024;
/** Ten thousand values are a thousand pools; a bomb of aliases would be billions. */
export const MAX_NODES = 10_000;
/** The grammar is six levels deep. */
export const MAX_DEPTH = 64;

/** Names that would reach into JavaScript's own objects; no key of the grammar is like them. */
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** The text without the byte order mark that some editors put first. */
export function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Reads all documents of a text without mark. Never throws; work and memory are bounded. */
export function readYaml(text: string): YamlDocument[] {
  const refused = refuseText(text);
  if (refused !== undefined) return [{ root: undefined, mistakes: [refused] }];
  const documents = parseAllDocuments(text, {
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
  });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    const mistakes: YamlMistake[] = document.errors.map(({ message, pos }) => ({
      message: `this is no YAML: ${message}`,
      offset: Math.min(pos[0], text.length),
      hint: yamlHint(text, pos[0]),
    }));
    // After the first error the rest of the tree is a guess.
    if (mistakes.length > 0) return { root: undefined, mistakes: mistakes.slice(0, 1) };
    const reader = new TreeReader((alias) => isAlias(alias) ? alias.resolve(document) : undefined);
    const root = document.contents === null ? undefined : reader.read(document.contents, 0);
    return { root: reader.stopped ? undefined : root, mistakes: reader.mistakes };
  });
}

function refuseText(text: string): YamlMistake | undefined {
  if (text.length > MAX_TEXT) {
    return {
      offset: MAX_TEXT,
      message: `the text has ${text.length} characters, at most ${MAX_TEXT} are read`,
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
function deepest(text: string): YamlMistake | undefined {
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

function tooDeep(offset: number): YamlMistake {
  return { offset, message: `more than ${MAX_DEPTH} levels inside each other` };
}

function yamlHint(text: string, offset: number): string | undefined {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1);
  return /^\s*\t/.test(line) ? "indent with blanks, YAML takes no tabulators" : undefined;
}

/** Turns the library's tree into ours, aliases put in their places, within the bounds. */
class TreeReader {
  readonly mistakes: YamlMistake[] = [];
  stopped = false;
  #nodes = 0;
  readonly #resolve: (alias: Node) => Node | undefined;

  constructor(resolve: (alias: Node) => Node | undefined) {
    this.#resolve = resolve;
  }

  read(node: unknown, depth: number, at?: number): YamlNode {
    const offset = at ?? offsetOf(node);
    if (depth > MAX_DEPTH) return this.#stop(tooDeep(offset));
    if (++this.#nodes > MAX_NODES) {
      return this.#stop({
        offset,
        message: `more than ${MAX_NODES} values, aliases counted each time`,
      });
    }
    if (isAlias(node)) {
      const target = this.#resolve(node);
      if (target !== undefined) return this.read(target, depth + 1, offset);
      this.mistakes.push({
        offset,
        message: `no anchor "${node.source}" stands before this alias`,
      });
      return { kind: "scalar", text: "", quoted: false, offset };
    }
    if (isMap(node)) return { kind: "map", offset, entries: this.#entries(node.items, depth) };
    if (isSeq(node)) {
      const items: YamlNode[] = [];
      for (const item of node.items) if (!this.stopped) items.push(this.read(item, depth + 1));
      return { kind: "list", offset, items };
    }
    if (!isScalar(node)) return { kind: "scalar", text: "", quoted: false, offset };
    const text = typeof node.value === "string" ? node.value : "";
    return {
      kind: "scalar",
      text,
      quoted: node.type !== undefined && node.type !== "PLAIN",
      offset,
    };
  }

  #entries(
    items: readonly { readonly key: unknown; readonly value: unknown }[],
    depth: number,
  ): YamlEntry[] {
    const entries: YamlEntry[] = [];
    const seen = new Map<string, number>();
    for (const { key, value } of items) {
      if (this.stopped) break;
      const name = this.read(key, depth + 1);
      if (name.kind !== "scalar") {
        this.mistakes.push({
          offset: name.offset,
          message: "a key must be a word, not a list or a map",
        });
        continue;
      }
      const content = this.read(
        value,
        depth + 1,
        value === null ? name.offset + name.text.length : undefined,
      );
      if (this.#isUsable(name, seen)) entries.push({ key: name, value: content });
    }
    return entries;
  }

  #isUsable({ text, offset }: YamlScalar, seen: Map<string, number>): boolean {
    const before = seen.get(text);
    if (FORBIDDEN_KEYS.has(text)) {
      this.mistakes.push({ offset, message: `the key "${text}" is not allowed` });
      return false;
    }
    if (text === "<<") {
      this.mistakes.push({
        offset,
        message: 'merge keys ("<<") are not read',
        hint: "write the keys out",
      });
      return false;
    }
    if (before !== undefined) {
      this.mistakes.push({ offset, message: `the key "${text}" stands here again`, other: before });
      return false;
    }
    seen.set(text, offset);
    return true;
  }

  #stop(mistake: YamlMistake): YamlScalar {
    if (!this.stopped) this.mistakes.push(mistake);
    this.stopped = true;
    return { kind: "scalar", text: "", quoted: false, offset: mistake.offset };
  }
}

function offsetOf(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node)) return 0;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : 0;
}
