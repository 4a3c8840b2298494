import type { ConfigPlace, ConfigProblem, Severity } from "../base/errors.ts";
import { someOf } from "../base/some_of.ts";
import { linesOf } from "./places.ts";
import { shownLine } from "./secrets.ts";

/** A problem as JSON has it. */
export interface ReportedProblem {
  readonly severity: Severity;
  readonly source: string;
  /** Of a text; both count from 1. */
  readonly line?: number;
  readonly column?: number;
  /** Of an object. */
  readonly field?: string;
  readonly message: string;
  readonly hint?: string;
}

/** Lays a problem out for JSON. */
export function reported({ severity, place, message, hint }: ConfigProblem): ReportedProblem {
  const where = place.kind === "text"
    ? { source: place.source, line: place.line, column: place.column }
    : { source: place.object, field: place.path };
  return { severity, ...where, message, ...hint === undefined ? {} : { hint } };
}

/** `SOURCE:LINE:COL`, or an object and its field. */
export function placeText(place: ConfigPlace): string {
  return place.kind === "text"
    ? `${place.source}:${place.line}:${place.column}`
    : `${place.object} ${place.path}`;
}

/**
 * The first problems in one line of so many characters, with their places in the text, and how many
 * more there are; for a reader who knows which text it is.
 */
export function problemsInLine(problems: readonly ConfigProblem[], room: number): string {
  const texts = problems.map(({ place, message, hint }, index) => {
    const where = place.kind === "text" ? `line ${place.line}:${place.column}` : placeText(place);
    return `(${index + 1}) ${where}: ${message}${hint === undefined ? "" : `; ${hint}`}`;
  });
  return someOf(texts, " ", room);
}

/**
 * Prints problems as `PLACE: message`, each with its line of `text` and a caret under the
 * place. A password never shows, whatever is wrong with its line.
 */
export function renderProblems(problems: readonly ConfigProblem[], text: string): string {
  const lines = linesOf(text);
  return problems.map((problem) => renderProblem(problem, lines)).join("");
}

function renderProblem(problem: ConfigProblem, lines: readonly string[]): string {
  const { severity, place, message, hint } = problem;
  const word = severity === "warning" ? "warning: " : "";
  const head = `${placeText(place)}: ${word}${message}${hint === undefined ? "" : `; ${hint}`}\n`;
  const line = place.kind === "text" ? lines[place.line - 1] : undefined;
  if (place.kind !== "text" || line === undefined) return head;
  // The text before the caret keeps its width; a value after `password:` comes after the caret.
  const before = Array.from(line.slice(0, place.column - 1), blankOf).join("");
  return `${head}    ${printable(shownLine(lines, place.line - 1))}\n    ${before}^\n`;
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/g;

function printable(line: string): string {
  return line.slice(0, 200).replace(CONTROL, "\u00b7");
}

function blankOf(character: string): string {
  if (character === "\t") return "\t";
  // East Asian wide characters take two columns of a terminal.
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]/u
      .test(character)
    ? "  "
    : " ";
}
