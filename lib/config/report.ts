import type { ConfigProblem } from "../base/errors.ts";
import { nearest } from "./nearest.ts";
import { linesOf } from "./places.ts";

/**
 * Prints problems as `SOURCE:LINE:COL: message`, each with its line of `text` and a caret under the
 * place. A password never shows, whatever is wrong with its line.
 */
export function renderProblems(problems: readonly ConfigProblem[], text: string): string {
  const lines = linesOf(text);
  return problems.map((problem) => renderProblem(problem, lines[problem.line - 1])).join("");
}

function renderProblem(problem: ConfigProblem, line: string | undefined): string {
  const { severity, source, line: number, column, message, hint } = problem;
  const word = severity === "warning" ? "warning: " : "";
  const head = `${source}:${number}:${column}: ${word}${message}${
    hint === undefined ? "" : `; ${hint}`
  }\n`;
  if (line === undefined) return head;
  // What stands before the caret keeps its width; a value after `password:` stands after the caret.
  const before = Array.from(line.slice(0, column - 1), blankOf).join("");
  return `${head}    ${printable(masked(line))}\n    ${before}^\n`;
}

/** The line as it may be shown: what follows a password key, misspelt ones too, is hidden. */
function masked(line: string): string {
  for (const { 0: whole, 1: key = "", index } of line.matchAll(/([\w-]+)["']?\s*:\s*/g)) {
    if (nearest(key, ["password"]) !== undefined) {
      return `${line.slice(0, index + whole.length)}********`;
    }
  }
  return line;
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
