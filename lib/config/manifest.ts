import type { ConfigPlace, ConfigProblem } from "../base/errors.ts";
import { isObject, objectOr } from "../model/json.ts";
import { parseConfig } from "./parse.ts";
import { linesOf, type Position } from "./places.ts";
import type { Config } from "./types.ts";
import type { TreeMap, TreeNode, TreeScalar } from "./tree.ts";
import { readYaml, withoutMark } from "./yaml.ts";

/** A configuration with the text it came from; equal texts are equal configurations. */
export interface FoundConfig {
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly text: string | undefined;
}

/** One configuration of a file, or one object that holds none. */
interface SourcePart {
  /** `configuration`, `configmap NS/NAME`, or `Service default/nginx`. */
  readonly what: string;
  readonly found: FoundConfig | undefined;
}

/** The key of the ConfigMap that holds the configuration. */
const KEY = "config";

/**
 * Reads a file that is a bare configuration, or manifests of which ConfigMaps with the key
 * `config` hold one; places are those in the file. Never throws.
 */
export function readSource(text: string, source: string): readonly SourcePart[] {
  const clean = withoutMark(text);
  const documents = readYaml(clean, source);
  const roots = documents.map(({ root }) => root).filter((root) => root !== undefined);
  const isManifest = roots.length > 0 && roots.every(isObjectNode);
  if (!isManifest || documents.some(({ mistakes }) => mistakes.length > 0)) {
    return [{ what: "configuration", found: { ...parseConfig(clean, source), text: clean } }];
  }
  const objects = roots.filter(isObjectNode).flatMap(itemsOf);
  return objects.map((object) => readObject(object, clean, source));
}

/** The one configuration of a local file (`--config=FILE`). */
export function configFromFile(text: string, source: string): FoundConfig {
  const configs = readSource(text, source).map(({ found }) => found).filter((found) =>
    found !== undefined
  );
  const [first, second] = configs;
  if (first !== undefined && second === undefined) return first;
  const message = first === undefined
    ? "the file holds manifests, and no ConfigMap with a configuration is among them"
    : `the file holds ${configs.length} configurations, one can be in force`;
  return { config: undefined, text, problems: [problem(source, message)] };
}

/** The configuration of a ConfigMap object as the API server gives it. */
export function configFromConfigMap(object: unknown, source: string): FoundConfig {
  const data = isObject(object) ? objectOr(object.data) : {};
  const text = data[KEY];
  if (typeof text !== "string") {
    const binary = isObject(object) && Object.keys(objectOr(object.binaryData)).length > 0;
    return {
      config: undefined,
      text: undefined,
      problems: [problem(source, missingKey(Object.keys(data), binary))],
    };
  }
  const parsed = parseConfig(text, source);
  const others = Object.keys(data).filter((key) => key !== KEY);
  const problems = others.length === 0 ? parsed.problems : [
    ...parsed.problems,
    problem(source, otherKeys(others), "warning"),
  ];
  return { config: parsed.config, problems, text };
}

function problem(
  source: string,
  message: string,
  severity: ConfigProblem["severity"] = "error",
  place: ConfigPlace = { kind: "text", source, line: 1, column: 1 },
): ConfigProblem {
  return { severity, place, message };
}

function missingKey(keys: readonly string[], binary: boolean): string {
  if (binary && keys.length === 0) {
    return `the ConfigMap has only binaryData, the configuration must stand under data, key "${KEY}"`;
  }
  const there = keys.length === 0
    ? "it has no data"
    : `there is ${keys.map((key) => `"${key}"`).join(", ")}`;
  return `the ConfigMap has no key "${KEY}" under data; ${there}`;
}

function otherKeys(others: readonly string[]): string {
  return `only the key "${KEY}" is read, not ${others.map((key) => `"${key}"`).join(", ")}`;
}

function isObjectNode(node: TreeNode): node is TreeMap {
  return node.kind === "map" && valueOf(node, "kind") !== undefined;
}

function valueOf(node: TreeNode | undefined, key: string): TreeNode | undefined {
  return node?.kind === "map"
    ? node.entries.find((entry) => entry.key.text === key)?.value
    : undefined;
}

function textAt(node: TreeNode | undefined, key: string): string {
  const value = valueOf(node, key);
  return value?.kind === "scalar" ? value.text : "";
}

function itemsOf(node: TreeMap): TreeMap[] {
  const items = valueOf(node, "items");
  const isList = textAt(node, "kind").endsWith("List") && items?.kind === "list";
  return isList ? items.items.filter((item) => item.kind === "map") : [node];
}

function readObject(node: TreeMap, text: string, source: string): SourcePart {
  const metadata = valueOf(node, "metadata");
  const name = `${textAt(metadata, "namespace") || "default"}/${textAt(metadata, "name")}`;
  const kind = textAt(node, "kind");
  if (kind !== "ConfigMap") return { what: `${kind} ${name}`, found: undefined };
  const broken = (message: string, where: TreeNode): SourcePart => ({
    what: `configmap ${name}`,
    found: {
      config: undefined,
      text,
      problems: [problem(source, message, "error", where.place)],
    },
  });
  const lost = node.entries.find(({ key }) => key.text === KEY);
  if (lost !== undefined) {
    return broken(
      `"${KEY}" stands beside "data" and belongs under it: indent it and what follows by two blanks`,
      lost.key,
    );
  }
  const data = valueOf(node, "data");
  const value = valueOf(data, KEY);
  const keys = data?.kind === "map" ? data.entries.map(({ key }) => key.text) : [];
  if (value?.kind === "map" || value?.kind === "list") {
    return broken(
      `"${KEY}" must be a text: write "${KEY}: |" and indent the configuration under it`,
      value,
    );
  }
  if (value === undefined || (value.text === "" && !value.quoted)) {
    const isForeign = keys.length > 0 && value === undefined &&
      textAt(metadata, "namespace") !== "metallb-system";
    if (isForeign) return { what: `configmap ${name}`, found: undefined };
    return broken(missingKey(keys, valueOf(node, "binaryData") !== undefined), data ?? node);
  }
  const parsed = parseConfig(value.text, source, moverOf(value, text));
  const others = keys.filter((key) => key !== KEY);
  const problems = others.length === 0
    ? parsed.problems
    : [...parsed.problems, problem(source, otherKeys(others), "warning", value.place)];
  return {
    what: `configmap ${name}`,
    found: { config: parsed.config, problems, text: value.text },
  };
}

/**
 * Moves a place in a scalar's text to its place in the file. A literal block keeps its lines, each
 * indented by as much; of other forms only the beginning is known.
 */
function moverOf({ place, ...scalar }: TreeScalar, text: string): (position: Position) => Position {
  if (place.kind !== "text") return (position) => position;
  const start = { line: place.line, column: place.column };
  const lines = linesOf(text);
  if (lines[start.line - 1]?.[start.column - 1] !== "|") return () => start;
  const content = linesOf(scalar.text);
  const first = content.findIndex((line) => line.trim() !== "");
  const inFile = lines[start.line + first] ?? "";
  const indent = inFile.length - (content[first] ?? "").length;
  return ({ line, column }) => ({ line: start.line + line, column: column + Math.max(0, indent) });
}
