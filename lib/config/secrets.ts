import { nearest } from "../base/nearest.ts";

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
 * A text that a message quotes, of which it shows the beginning: what was meant as `password: …` and
 * became one word is hidden.
 */
export function withoutSecret(text: string): string {
  return text.slice(0, LONGEST_LINE).replace(
    /([\w-]*(?:pass|pwd|secret)[\w-]*["']?(?:\s*[:=]\s*|\s+))\S.*/is,
    `$1${HIDDEN}`,
  );
}

/** The line as it may be shown. What a password holds never is, in whatever line it goes on. */
export function shownLine(lines: readonly string[], at: number): string {
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
