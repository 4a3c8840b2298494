import type { ConfigProblem } from "../base/errors.ts";
import { isObject, objectOr } from "../model/json.ts";
import { insteadOfResource, isResourceKind } from "./custom_resources.ts";
import { splitDocuments } from "./documents.ts";
import { nearest } from "./nearest.ts";
import { CONFIG_KEYS, parseConfig } from "./parse.ts";
import { linesOf, type Position } from "./places.ts";
import type { Config } from "./types.ts";
import type { Mistake, TreeMap, TreeNode, TreeScalar } from "./tree.ts";
import { readYaml, withoutMark } from "./yaml.ts";

/** A configuration with the text it came from; equal texts are equal configurations. */
export interface FoundConfig {
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly text: string | undefined;
}

/** What one document of a file, or one object of it, is to Herald. */
export type SourcePart =
  | {
    readonly kind: "configuration";
    /** `configuration` or `configmap NS/NAME`. */
    readonly what: string;
    readonly found: FoundConfig;
  }
  /** It looks like configuration, and no Herald reads it from there. */
  | {
    readonly kind: "unread";
    readonly what: string;
    readonly problems: readonly ConfigProblem[];
  }
  /** Any other object; `what` is its kind. */
  | { readonly kind: "other"; readonly what: string };

/** The ConfigMap that a Herald takes its configuration from. */
export interface ExpectedConfigMap {
  readonly namespace: string;
  /** Of several the first that exists counts. */
  readonly names: readonly string[];
}

/** How a file is read. */
interface Reading {
  /** Undefined: any ConfigMap with the key counts. */
  readonly expected?: ExpectedConfigMap;
  /** The file was not named but found: what has no kind is a configuration only if it looks so. */
  readonly searched?: boolean;
}

/** The key of the ConfigMap that holds the configuration. */
const KEY = "config";
/** A List holds many objects; the configuration in one of them has its own, smaller bounds. */
const MANIFEST = { maxText: 4 * 1024 * 1024, maxNodes: 500_000 };

/**
 * Reads a file that is a bare configuration, or manifests of which ConfigMaps with the key
 * `config` hold one; places are those in the file. Never throws. Documents of other kinds are left
 * unread.
 */
export function readSource(
  text: string,
  source: string,
  { expected, searched = false }: Reading = {},
): readonly SourcePart[] {
  const clean = withoutMark(text);
  const lines = linesOf(clean);
  const parts: SourcePart[] = [];
  const bare: TreeNode[] = [];
  for (const document of splitDocuments(clean)) {
    if (document.kind !== undefined && !mayMatter(document.kind)) {
      parts.push({ kind: "other", what: document.kind });
      continue;
    }
    const { firstLine } = document;
    for (const { root, mistakes } of readYaml(document.text, source, { ...MANIFEST, firstLine })) {
      if (root !== undefined && !isObjectNode(root)) bare.push(root);
      else if (mistakes.length > 0) parts.push(brokenPart(clean, mistakes));
      else if (root !== undefined) {
        for (const object of itemsOf(root)) parts.push(readObject(object, lines, source, expected));
      }
    }
  }
  const isConfig = searched ? bare.some(looksLikeConfig) : bare.length > 0 || parts.length === 0;
  if (!isConfig) return parts;
  if (parts.length === 0) {
    return [{
      kind: "configuration",
      what: "configuration",
      found: { ...parseConfig(clean, source), text: clean },
    }];
  }
  const stray = bare.map(({ place }) =>
    problem(source, 'this document has no "kind", and the others of the file are objects', {
      place,
    })
  );
  return [...parts, configurationOf("configuration", clean, stray)];
}

/** The one configuration of a local file (`--config=FILE`). */
export function configFromFile(text: string, source: string): FoundConfig {
  const configs = readSource(text, source).flatMap((part) =>
    part.kind === "configuration" ? part.found : []
  );
  const [first, second] = configs;
  if (first !== undefined && second === undefined) return first;
  const broken = configs.filter(({ config }) => config === undefined);
  if (broken.length > 0) {
    return { config: undefined, text, problems: broken.flatMap(({ problems }) => problems) };
  }
  const message = first === undefined
    ? "the file holds manifests, and no ConfigMap with a configuration is among them"
    : `the file holds ${configs.length} configurations, one can be in force`;
  return { config: undefined, text, problems: [problem(source, message)] };
}

/** Whether a document of this kind can hold a configuration, or look as if it did. */
function mayMatter(kind: string): boolean {
  return kind.toLowerCase() === "configmap" || kind.endsWith("List") || isResourceKind(kind);
}

function brokenPart(text: string, mistakes: readonly Mistake[]): SourcePart {
  const problems = mistakes.map(({ hint, message, place, severity }): ConfigProblem => ({
    severity,
    place,
    message,
    ...hint === undefined ? {} : { hint },
  }));
  return configurationOf("configuration", text, problems);
}

function configurationOf(
  what: string,
  text: string,
  problems: readonly ConfigProblem[],
): SourcePart {
  return { kind: "configuration", what, found: { config: undefined, text, problems } };
}

/** Whether one of the keys at its top is a configuration's, or nearly. */
function looksLikeConfig(root: TreeNode | undefined): boolean {
  return root?.kind === "map" &&
    root.entries.some(({ key }) => nearest(key.text, CONFIG_KEYS) !== undefined);
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
    problem(source, otherKeys(others), { severity: "warning" }),
  ];
  return { config: parsed.config, problems, text };
}

function problem(
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

function readObject(
  node: TreeMap,
  lines: readonly string[],
  source: string,
  expected: ExpectedConfigMap | undefined,
): SourcePart {
  const metadata = valueOf(node, "metadata");
  const [namespace, name] = [textAt(metadata, "namespace"), textAt(metadata, "name")];
  const title = namespace === "" ? name : `${namespace}/${name}`;
  const kind = textAt(node, "kind");
  const instead = insteadOfResource(textAt(node, "apiVersion"), kind);
  if (instead !== undefined) {
    const message = `${kind} ${title} is not read: this version of Herald takes its ` +
      "configuration from a ConfigMap";
    const problems = [problem(source, message, { hint: `write ${instead}`, place: node.place })];
    return { kind: "unread", what: kind, problems };
  }
  if (kind !== "ConfigMap") {
    if (kind.toLowerCase() !== "configmap") return { kind: "other", what: kind };
    const { place } = valueOf(node, "kind") ?? node;
    const hint = 'write "kind: ConfigMap"';
    const problems = [problem(source, `there is no kind "${kind}"`, { hint, place })];
    return { kind: "unread", what: kind, problems };
  }
  const what = `configmap ${title}`;
  const value = valueOf(valueOf(node, "data"), KEY);
  const isMeant = expected === undefined || expected.names.includes(name) &&
      (namespace === "" || namespace === expected.namespace);
  if (isMeant) return readConfigMap(node, what, lines, source, expected);
  const text = value?.kind === "scalar" ? value.text : "";
  if (!readYaml(text, source).some(({ root }) => looksLikeConfig(root))) {
    return { kind: "other", what: kind };
  }
  const read = readConfigMap(node, what, lines, source, expected);
  const unread = problem(source, `ConfigMap ${title} is not read: ${namesOf(expected)} is`, {
    severity: "warning",
    hint: namespace === "" || namespace === expected.namespace
      ? `rename it, or say --config=${name} where Herald runs so`
      : `move it, or say --namespace=${namespace} where Herald runs there`,
    place: metadata?.place ?? node.place,
  });
  const problems = read.kind === "configuration" ? read.found.problems : [];
  return { kind: "unread", what, problems: [unread, ...problems] };
}

/** `NS/NAME or NS/NAME`. */
export function namesOf({ names, namespace }: ExpectedConfigMap): string {
  return names.map((name) => `${namespace}/${name}`).join(" or ");
}

function readConfigMap(
  node: TreeMap,
  what: string,
  lines: readonly string[],
  source: string,
  expected: ExpectedConfigMap | undefined,
): SourcePart {
  const broken = (message: string, { place }: TreeNode): SourcePart =>
    configurationOf(what, "", [problem(source, message, { place })]);
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
      textAt(valueOf(node, "metadata"), "namespace") !==
        (expected?.namespace ?? "metallb-system");
    if (isForeign) return { kind: "other", what: "ConfigMap" };
    return broken(missingKey(keys, valueOf(node, "binaryData") !== undefined), data ?? node);
  }
  const parsed = parseConfig(value.text, source, moverOf(value, lines));
  const others = keys.filter((key) => key !== KEY);
  const problems = others.length === 0 ? parsed.problems : [
    ...parsed.problems,
    problem(source, otherKeys(others), { severity: "warning", place: value.place }),
  ];
  const found = { config: parsed.config, problems, text: value.text };
  return { kind: "configuration", what, found };
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
