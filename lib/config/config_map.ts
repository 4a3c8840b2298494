import type { ConfigProblem } from "../base/errors.ts";
import { textAt, valueOf } from "./listed.ts";
import { parseConfig } from "./parse.ts";
import { linesOf, type Position } from "./places.ts";
import type { TreeEntry, TreeMap, TreeNode, TreeScalar } from "./tree.ts";
import type { Config } from "./types.ts";

/** The key of the ConfigMap that holds the configuration. */
export const KEY = "config";

/** A configuration with the text it came from; equal texts are equal configurations. */
export interface FoundConfig {
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly text: string | undefined;
}

/** A problem of a text; without a place of its own it stands at the beginning. */
export function problemOf(
  source: string,
  message: string,
  { hint, place, severity = "error" }: Partial<ConfigProblem> = {},
): ConfigProblem {
  return {
    severity,
    place: place ?? { kind: "text", source, line: 1, column: 1 },
    message,
    ...hint === undefined ? {} : { hint },
  };
}

export function missingKey(keys: readonly string[], binary: boolean): string {
  if (binary && keys.length === 0) {
    return `the ConfigMap has only binaryData, the configuration must stand under data, key "${KEY}"`;
  }
  const there = keys.length === 0
    ? "it has no data"
    : `there is ${keys.map((key) => `"${key}"`).join(", ")}`;
  return `the ConfigMap has no key "${KEY}" under data; ${there}`;
}

export function otherKeys(others: readonly string[]): string {
  return `only the key "${KEY}" is read, not ${others.map((key) => `"${key}"`).join(", ")}`;
}

/** What lost its indentation on its way here, as pages show manifests: keys, and where each belongs. */
export function strayKeys({ entries }: TreeMap): readonly (readonly [TreeEntry, string])[] {
  const parents = new Map([["namespace", "metadata"], ["name", "metadata"], [KEY, "data"]]);
  return entries.flatMap((entry) => {
    const parent = parents.get(entry.key.text);
    return parent === undefined ? [] : [[entry, parent] as const];
  });
}

/** The configuration of a ConfigMap in a manifest; undefined where it is another program's. */
export function readConfigMap(
  node: TreeMap,
  namespace: string,
  lines: readonly string[],
  source: string,
): FoundConfig | undefined {
  const broken = (message: string, { place }: TreeNode, hint?: string): FoundConfig => ({
    config: undefined,
    text: "",
    problems: [problemOf(source, message, { place, hint })],
  });
  const strays = strayKeys(node);
  if (strays.length > 0) {
    const problems = strays.map(([{ key: { place, text } }, parent]) =>
      problemOf(source, `"${text}" stands beside "${parent}" and belongs under it`, {
        place,
        hint: text === KEY
          ? "indent it and all its lines by two blanks"
          : "indent it by two blanks",
      })
    );
    return { config: undefined, text: "", problems };
  }
  const data = valueOf(node, "data");
  const value = valueOf(data, KEY);
  const keys = data?.kind === "map" ? data.entries.map(({ key }) => key.text) : [];
  if (value?.kind === "map" || value?.kind === "list") {
    return broken(
      `"${KEY}" must be a text`,
      value,
      `write "${KEY}: |" and indent the configuration under it`,
    );
  }
  if (value === undefined || (value.text === "" && !value.quoted)) {
    const isForeign = keys.length > 0 && value === undefined &&
      textAt(valueOf(node, "metadata"), "namespace") !== namespace;
    if (isForeign) return undefined;
    return broken(missingKey(keys, valueOf(node, "binaryData") !== undefined), data ?? node);
  }
  const parsed = parseConfig(value.text, source, moverOf(value, lines));
  const others = keys.filter((key) => key !== KEY);
  const problems = others.length === 0 ? parsed.problems : [
    ...parsed.problems,
    problemOf(source, otherKeys(others), { severity: "warning", place: value.place }),
  ];
  return { config: parsed.config, problems, text: value.text };
}

/**
 * Moves a place in a scalar's text to its place in the file. A literal block keeps its lines, each
 * indented by as much; of other forms only the beginning is known.
 */
function moverOf(
  { place, ...scalar }: TreeScalar,
  lines: readonly string[],
): (position: Position) => Position {
  if (place.kind !== "text") return (position) => position;
  const start = { line: place.line, column: place.column };
  if (lines[start.line - 1]?.[start.column - 1] !== "|") return () => start;
  const content = linesOf(scalar.text);
  const first = content.findIndex((line) => line.trim() !== "");
  const inFile = lines[start.line + first] ?? "";
  const indent = inFile.length - (content[first] ?? "").length;
  return ({ line, column }) => ({ line: start.line + line, column: column + Math.max(0, indent) });
}
