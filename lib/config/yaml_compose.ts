import { Composer, type CST, type Document, type ErrorCode, Lexer, Parser } from "@std/yaml";
import { lookalikeIn } from "./lookalikes.ts";
import { MAX_DEPTH } from "./tree.ts";

/** How much of a text is read. */
export interface Bounds {
  /** Characters. */
  readonly maxText: number;
  /** Words, blanks, line ends and marks, of which a value takes six to ten. */
  readonly maxTokens: number;
}

/** Something wrong with the text at `offset`. */
export interface TextMistake {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
  /** Another offset that belongs to it. */
  readonly other?: number;
}

type Composed =
  | { readonly kind: "documents"; readonly documents: readonly Document[] }
  | { readonly kind: "mistake"; readonly mistake: TextMistake };

/** Of the lines around a mistake so many characters: a line may be a megabyte. */
const LONGEST_LOOKED_AT = 4_096;
/** Go's readers too refuse texts with many aliases; each may stand for all that is before it. */
const MAX_ALIASES = 1_000;
const MAX_DOCUMENTS = 1_000;
const SCALAR_FOLLOWS = "\x1f";
/** One level is a collection in the stack of the reader, or two where a map stands in a list. */
const MAX_STACK = 2 * MAX_DEPTH + 4;

/**
 * The documents of a text, up to the first mistake. The one place where YAML is read: what a text
 * costs is bounded before it is composed, for a composer makes an error object for each of a
 * hundred thousand brackets, calls itself for each level and looks through a document for each
 * alias. Never throws.
 */
export function composeYaml(text: string, bounds: Bounds): Composed {
  const refused = refuseText(text, bounds.maxText);
  if (refused !== undefined) return { kind: "mistake", mistake: refused };
  const tokens = tokensOf(text, bounds.maxTokens);
  if (!Array.isArray(tokens)) return { kind: "mistake", mistake: tokens };
  const documents: Document[] = [];
  const composer = new Composer({ schema: "failsafe", uniqueKeys: false, logLevel: "silent" });
  let first: TextMistake | undefined;
  const stop = new Error("the first mistake is enough");
  // It would make an error object for each word after a bracket too many, at a tenth of a
  // millisecond each.
  Object.assign(composer, {
    onError(source: unknown, code: ErrorCode, _message: string, isWarning?: boolean) {
      if (isWarning === true) return;
      // It catches what is thrown, and tells of that too.
      first ??= noYaml(text, Math.min(offsetOf(source), text.length), code);
      throw stop;
    },
  });
  try {
    for (const document of composer.compose(tokens)) {
      const [error] = document.errors;
      if (error !== undefined) {
        first ??= noYaml(text, Math.min(error.pos[0], text.length), error.code);
        break;
      }
      documents.push(document);
    }
  } catch (error) {
    if (error !== stop) first ??= noYaml(text, 0, "IMPOSSIBLE");
  }
  return first === undefined
    ? { kind: "documents", documents }
    : { kind: "mistake", mistake: first };
}

/** Where the composer's errors are: at an offset, in a range or at a token. */
function offsetOf(source: unknown): number {
  const at: unknown = Array.isArray(source)
    ? source[0]
    : typeof source === "object" && source !== null && "offset" in source
    ? source.offset
    : source;
  return typeof at === "number" ? at : 0;
}

export function tooDeep(offset: number): TextMistake {
  return { offset, message: `more than ${MAX_DEPTH} levels inside each other` };
}

/** The tokens of the whole text, or the first thing for which it is not read. */
function tokensOf(text: string, maxTokens: number): CST.Token[] | TextMistake {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let [count, aliases, documents] = [0, 0, 0];
  /** What one token ends; the first error, after which all is a guess. */
  const take = (ended: Iterable<CST.Token>): TextMistake | undefined => {
    for (const token of ended) {
      if (token.type === "error") return noYaml(text, token.offset, "UNEXPECTED_TOKEN");
      if (token.type === "document" || token.type === "doc-end") documents++;
      tokens.push(token);
    }
    return undefined;
  };
  let before = "";
  // Counting alone is quick, and most of what is too much ends here.
  for (const _ of new Lexer().lex(text)) {
    if (++count > maxTokens) return tooMuch(0, `more than ${maxTokens} words and marks`);
  }
  for (const lexeme of new Lexer().lex(text)) {
    // What follows this mark is a text, whatever it begins with.
    if (before !== SCALAR_FOLLOWS && (lexeme[0] === "*" || lexeme[0] === "&")) aliases++;
    before = lexeme;
    const wrong = take(parser.next(lexeme));
    if (wrong !== undefined) return wrong;
    if (parser.stack.length > MAX_STACK) return tooDeep(parser.offset);
    const excess = aliases > MAX_ALIASES
      ? `more than ${MAX_ALIASES} anchors and aliases`
      : documents > MAX_DOCUMENTS
      ? `more than ${MAX_DOCUMENTS} documents`
      : undefined;
    if (excess !== undefined) return tooMuch(parser.offset, excess);
  }
  return take(parser.end()) ?? tokens;
}

function tooMuch(offset: number, excess: string): TextMistake {
  return { offset, message: `${excess}: so much is not read` };
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
  if (lone === null) return undefined;
  return {
    offset: lone.index,
    message: `bytes that are no UTF-8 text at offset ${lone.index}`,
    hint: "save the file as UTF-8 text",
  };
}

/**
 * What the library finds, without its words: they quote the text, and a password that is not in
 * quotes can be anything.
 */
const WORDS: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: "an alias takes neither anchor nor tag",
  BAD_ALIAS: "an anchor or alias needs a name",
  BAD_COLLECTION_TYPE: "the tag is not for what follows it",
  BAD_DIRECTIVE: "a line that begins with % is a directive, and this one is none that is known",
  BAD_DQ_ESCAPE: "in double quotes a backslash begins an escape, and this one is none",
  BAD_INDENT: "the indentation fits nothing above it",
  BAD_PROP_ORDER: "an anchor or tag stands in the wrong place",
  BAD_SCALAR_START: "a text must not begin with this character unless it is in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a key stands within the value of another key of the same line",
  BLOCK_IN_FLOW: "a list or map of lines stands within brackets",
  DUPLICATE_KEY: "a key stands here again",
  IMPOSSIBLE: "this cannot be read",
  KEY_OVER_1024_CHARS: "a key has more than 1,024 characters",
  MISSING_CHAR: "a quote, bracket, comma, colon or blank is missing",
  MULTILINE_IMPLICIT_KEY: "a key must stand in one line; is a colon missing in a line before?",
  MULTIPLE_ANCHORS: "one value has two anchors",
  MULTIPLE_DOCS: "a second document begins",
  MULTIPLE_TAGS: "one value has two tags",
  NON_STRING_KEY: "a key must be a word",
  RESOURCE_EXHAUSTION: "it is too much to be read",
  TAB_AS_INDENT: "a tabulator stands where blanks indent",
  TAG_RESOLVE_FAILED: "a tag begins with !, and this one is none that is known",
  UNEXPECTED_TOKEN: "this stands where nothing can stand; is a quote or bracket too many?",
};

function noYaml(text: string, at: number, code: ErrorCode): TextMistake {
  const message = `this is no YAML: ${WORDS[code]}`;
  const { hint, offset } = lookalikeNear(text, at) ?? { offset: at, hint: hintOf(text, at) };
  return { offset, message, hint };
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

function hintOf(text: string, offset: number): string | undefined {
  if (/\{\{-? *[\w.$"(/]/.test(text)) {
    return "this is a template: check what it makes, helm template FOLDER | herald validate -";
  }
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1);
  return /^\s*\t/.test(line) ? "indent with blanks, YAML takes no tabulators" : undefined;
}
