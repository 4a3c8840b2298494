import { nearest } from "../base/nearest.ts";
import { withoutLookalikes } from "./lookalikes.ts";

/** What stands in the place of what nobody may read. */
const HIDDEN = "********";
/** More of a line is never shown, and of the text around it no more is looked at: both may be huge. */
const LONGEST_LINE = 300;
const LINES_AROUND = 200;
const SECRET_WORD = /pass|pwd|secret|token|credential/i;
/** A key at the beginning of its line, with what begins a list item before it. */
const KEY = /^([ \t]*(?:- +)*)["']?(\w[\w ./-]*?)["']?\s*:(?=\s|$)/;
const SECRET_OBJECT = /["']?kind["']?\s*:\s*["']?Secret\b/;

/** Whether the value of a key, misspelt or of another program too, is nobody's to read. */
function isSecretKey(key: string): boolean {
  return SECRET_WORD.test(key) || nearest(key, ["password"]) !== undefined;
}

/**
 * What a number, duration, address, range or community looks like, mistyped too, and what is too
 * short for a secret.
 */
const HARMLESS =
  /^(?:.{0,3}|[-+]?\d[\d._]*(?:[a-zµ]{0,2}\d*)*|(?:large:)?[\da-fA-F]{0,4}[\d.:/]*[.:/][\da-fA-F.:/]*(?:%[\w.-]{1,15})?(?:\/\d*)?(?:(?: *[-~,;] *| *\.{2,3} *| +(?:to |until )?)[\da-fA-F.:]+)*)$/u;
const LONGEST_HARMLESS = 80;

/**
 * A value that a message may quote. What a broken line puts into a field can be the password of the
 * next one, so that only what looks like a value of the grammar is told; its place is always.
 */
export function withoutSecret(text: string): string {
  if (text.length > LONGEST_HARMLESS) return HIDDEN;
  return HARMLESS.test(withoutLookalikes(text)) ? text : HIDDEN;
}

/**
 * A key that a message may quote: what `password: …` became where its colon or its line's end was
 * lost is hidden.
 */
export function keyWithoutSecret(text: string): string {
  return /^[\p{L}\p{N}_.:/+-]*$/u.test(text.slice(0, LONGEST_LINE)) ? text : HIDDEN;
}

/** The line as it may be shown. What a password holds never is, in whatever line it goes on. */
export function shownLine(lines: readonly string[], at: number): string {
  return harmlessLine(lineWithoutSecret(lines, at));
}

function lineWithoutSecret(lines: readonly string[], at: number): string {
  // `password S: x` has the password in the key.
  const line = lineAt(lines, at).replace(/((?:pass|pwd|secret)\w*\s+)\S.*/i, `$1${HIDDEN}`);
  if (goesOnWithSecret(lines, at)) return line.replace(/\S.*/, HIDDEN);
  const isSecret = SECRET_OBJECT.test(line);
  for (const { 0: whole, 1: key = "", index } of line.matchAll(/(\w[\w -]*)["']?\s*[:=]\s*/g)) {
    const end = index + whole.length;
    // A path is shown, and nothing else that stands in its place.
    if (key.endsWith("-file") && line[end] === "/") continue;
    const isData = key === "stringData" || (key === "data" && isSecret);
    if (isData || isSecretKey(key)) return `${line.slice(0, end)}${HIDDEN}`;
  }
  return line;
}

/** Keys whose values are nobody's secret: those of the grammar, and of the objects around it. */
export const OPEN_KEYS: ReadonlySet<string> = new Set(
  ("address-pools addresses advertisements aggregation-length aggregation-length-v6 apiVersion " +
    "auto-assign avoid-buggy-ips bfd-profile bfd-profiles bgp-advertisements bgp-communities " +
    "communities config data detect-multiplier ebgp-multihop echo-interval echo-mode " +
    "graceful-restart hold-time items keepalive-time key kind localpref match-expressions " +
    "match-labels metadata minimum-ttl my-asn name namespace namespace-selectors namespaces " +
    "node-selectors operator passive-mode password-file peer-address peer-asn peer-port peers " +
    "priority protocol receive-interval reserved-addresses router-id service-allocation " +
    "service-selectors source-address sticky-time transmit-interval ttl-security values")
    .split(" "),
);

const LINE_KEYS = [...OPEN_KEYS, "password", "stringData"];

/** As it stands in the grammar, or nearly. */
function isOpenKey(word: string): boolean {
  return OPEN_KEYS.has(word) || nearest(word, LINE_KEYS) !== undefined;
}

/** Quoted texts, words, marks and blanks; a colon within a word is a letter. */
const PARTS =
  /"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,[\]{}"':]+(?::+(?![\s:]|$)[^\s,[\]{}"':]*)*|[:,[\]{}]|\s+/g;

/**
 * The line with its keys, the values that follow an open key, and what looks like numbers and
 * addresses; a word that stands anywhere else may have been a password before its line was broken.
 */
function harmlessLine(line: string): string {
  const comment = /(?:^|\s)#/.exec(line);
  const text = comment === null ? line : line.slice(0, comment.index);
  const parts = text.match(PARTS) ?? [];
  let isValue = false;
  /** For each bracket that is open: whether it holds a list of an open key. */
  const lists: boolean[] = [];
  const shown = parts.map((part, at) => {
    if (/^\s+$/.test(part)) return part;
    if (part === "[" || part === "{") lists.push(part === "[" && isValue);
    if (part === "]" || part === "}") lists.pop();
    if (/^[:,[\]{}]$/.test(part)) {
      isValue &&= part === ":";
      return part;
    }
    const word = part.replace(/^["']|["']$/g, "");
    const next = parts[at + 1]?.trim() === "" ? parts[at + 2] : parts[at + 1];
    const isKey = next === ":";
    const isOpen = isKey ? isOpenKey(word) : isValue || lists.at(-1) === true;
    isValue = isKey && OPEN_KEYS.has(word);
    return isOpen || word === HIDDEN || withoutSecret(word) === word ? part : HIDDEN;
  });
  return shown.join("") + (comment === null ? "" : `${comment[0]} ${HIDDEN}`);
}

/** Whether the line stands within the value of a key that is secret. */
function goesOnWithSecret(lines: readonly string[], at: number): boolean {
  const line = lineAt(lines, at);
  const own = keyOf(line);
  const top = Math.max(0, at - LINES_AROUND);
  let before = at - 1;
  while (before > top && keyOf(lineAt(lines, before)) === undefined) before--;
  const last = lineAt(lines, before);
  if (isSecretKey(keyOf(last)?.key ?? "") && (own === undefined || isOpen(last))) return true;
  // A line without a key may be the rest of a value that stands no deeper than its key.
  let column = own?.column ?? (/^\s*/.exec(line)?.[0].length ?? 0) + 1;
  for (let index = at - 1; index >= top && column > 0; index--) {
    const above = keyOf(lineAt(lines, index));
    if (above === undefined || above.column >= column) continue;
    column = above.column;
    const isData = above.key === "stringData" ||
      (above.key === "data" && isOfSecret(lines, index, column));
    if (isData || isSecretKey(above.key)) return true;
  }
  return false;
}

function lineAt(lines: readonly string[], at: number): string {
  return (lines[at] ?? "").slice(0, LONGEST_LINE);
}

function keyOf(line: string): { readonly key: string; readonly column: number } | undefined {
  const [, indent = "", key] = KEY.exec(line) ?? [];
  return key === undefined ? undefined : { key, column: indent.length };
}

/** Whether the value goes on below: a quote that does not end, or a bracket. */
function isOpen(line: string): boolean {
  const [, first = ""] = /:\s+(\S)/.exec(line) ?? [];
  return /["'[{]/.test(first) && !/["'\]}]\s*(#.*)?$/.test(line.replace(/^.*?:\s+\S/, ""));
}

/** Whether the object whose key stands there is a Secret. */
function isOfSecret(lines: readonly string[], at: number, column: number): boolean {
  const isWithin = (line: string) =>
    line.trim() === "" || /^\s*/.exec(line)?.[0].length === column ||
    (keyOf(line)?.column ?? column) >= column;
  for (const step of [-1, 1]) {
    for (let away = 0; away < LINES_AROUND; away++) {
      const index = at + away * step;
      if (index < 0 || index >= lines.length) break;
      const line = lineAt(lines, index);
      if (!isWithin(line)) break;
      if (keyOf(line)?.column === column && SECRET_OBJECT.test(line)) return true;
      // The item's first line ends what belongs to it.
      if (step < 0 && /^\s*- /.test(line) && keyOf(line)?.column === column) break;
    }
  }
  return false;
}
