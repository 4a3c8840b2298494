import { CORE_SCHEMA, load } from "js-yaml";
import { MAX_DEPTH } from "../../config/tree.ts";
import { isObject } from "../../model/json.ts";

/**
 * What is left to the reader that knows all of YAML: characters with a meaning of their own (anchors,
 * aliases, tags, blocks, directives, escapes), what is no ASCII, keys without a word, empty items,
 * comments that touch something, and numbers that the two readers take differently.
 */
const UNUSUAL = new RegExp(
  [
    /[^\n\x20-\x7e]|[&*!|>%@`?\\]|<</,
    /(?:^|[\s[{,]):|(?:~|null) *:|: *,/,
    /(?:^| )- *$|[^\s\w.-]#|^---[^ \n]/,
    /(?:^|[\s,[:{])(?:0b|\.\d|\d[\d.]*(?:_|e[-+\d]*(?:$|[\s,\]}]))|[-+][\d.])/,
  ].map(({ source }) => source).join("|"),
  "im",
);

/** A document, and where its content begins; both count from 1. */
interface PlainDocument {
  readonly value: unknown;
  readonly line: number;
  readonly column: number;
}

/**
 * The value of one document that is plain YAML or JSON, as nearly every manifest is; undefined for
 * any other, and for one with a mistake. It takes a tenth of the time of the reader that remembers
 * where each word stood, and says the same of what it reads.
 */
export function readPlain(text: string): PlainDocument | undefined {
  if (UNUSUAL.test(text)) return undefined;
  try {
    // Readers of YAML differ in how far the next line of a bracket must be indented, but for JSON.
    const isJson = /^\s*\{/.test(text) && isObject(JSON.parse(text));
    if (!isJson && !hasWholeLines(text)) return undefined;
    // JSON too: it refuses a key that stands there twice.
    return { value: load(text, { schema: CORE_SCHEMA }), ...beginningOf(text) };
  } catch {
    return undefined;
  }
}

/** Behind empty lines, comments and the line that begins a document. */
function beginningOf(text: string): { readonly line: number; readonly column: number } {
  const [before = ""] = /^(?:(?:---)? *(?:#.*)?\n)*(?:--- +)? */.exec(text) ?? [];
  const lines = before.split("\n");
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** A line that goes on with the word of the line before. */
const CONTINUES = /^ *[^\s#-][^:\n]*$/m;

/** Whether each word, quotation and bracket ends in its line, and no bracket is a key. */
function hasWholeLines(text: string): boolean {
  if (CONTINUES.test(text)) return false;
  let open = "";
  let quote = "";
  /** The last character, and the last that is no blank. */
  let [last, before] = ["\n", "\n"];
  for (let offset = 0; offset < text.length; offset++) {
    const character = text.charAt(offset);
    if (character === "\n") {
      if (quote !== "" || open !== "") return false;
    } else if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "{" || character === "[") {
      if (open.endsWith("{") && (before === "{" || before === ",")) return false;
      // Inside a word it is a letter as any other.
      if (open !== "" || last === " " || last === "\n") open += character;
      if (open.length > MAX_DEPTH) return false;
    } else if (open !== "" && (character === "}" || character === "]")) {
      if (!open.endsWith(character === "}" ? "{" : "[")) return false;
      open = open.slice(0, -1);
      if (/^ *:/.test(text.slice(offset + 1, offset + 10))) return false;
    }
    last = character;
    if (character !== " ") before = character;
  }
  return quote === "" && open === "";
}
