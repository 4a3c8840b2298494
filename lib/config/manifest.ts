import type { ConfigPlace, ConfigProblem } from "../base/errors.ts";
import { isObject, objectOr } from "../model/json.ts";
import {
  type FoundConfig,
  KEY,
  missingKey,
  otherKeys,
  problemOf,
  readConfigMap,
  strayKeys,
} from "./config_map.ts";
import { insteadOfResource, isResourceKind } from "./custom_resources.ts";
import { MAX_DOCUMENTS, splitDocuments } from "./documents.ts";
import { type ListedObject, listedObjects, textAt, valueOf } from "./listed.ts";
import { nearest } from "../base/nearest.ts";
import { CONFIG_KEYS, parseConfig } from "./parse.ts";
import { linesOf } from "./places.ts";
import { keyWithoutSecret } from "./secrets.ts";
import type { Mistake, TreeMap, TreeNode } from "./tree.ts";
import { readYaml, withoutMark } from "./yaml.ts";

/** What one document of a file, or one object of it, is to Herald. */
export type SourcePart =
  | {
    readonly kind: "configuration";
    /** `configuration` or `configmap NS/NAME`. */
    readonly what: string;
    readonly found: FoundConfig;
    /** Of a ConfigMap: its name, and where it begins. */
    readonly map?: { readonly title: string; readonly place: ConfigPlace };
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
  let hasObjects = false;
  const documents = splitDocuments(clean);
  if (documents.length > MAX_DOCUMENTS) {
    const message = `more than ${MAX_DOCUMENTS} documents: so many are not read`;
    return [configurationOf("configuration", clean, [problemOf(source, message)])];
  }
  for (const document of documents) {
    if (document.kind !== undefined && !mayMatter(document.kind)) {
      parts.push({ kind: "other", what: document.kind });
      continue;
    }
    const { firstLine } = document;
    for (const { root, mistakes } of readYaml(document.text, source, { ...MANIFEST, firstLine })) {
      if (root !== undefined && !isObjectNode(root)) bare.push(root);
      else if (mistakes.length > 0) parts.push(brokenPart(clean, mistakes));
      else if (root !== undefined) {
        hasObjects = true;
        for (const object of listedObjects(root)) {
          parts.push(
            "message" in object
              ? unreadPart("List", source, object.message, object.node.place)
              : readObject(object, lines, source, expected),
          );
        }
      }
    }
  }
  const isEmpty = parts.length === 0 && !hasObjects;
  const isConfig = searched ? bare.some(looksLikeConfig) : bare.length > 0 || isEmpty;
  if (!isConfig) return withOneInForce(parts, source, expected);
  if (parts.length === 0) {
    return [{
      kind: "configuration",
      what: "configuration",
      found: { ...parseConfig(clean, source), text: clean },
    }];
  }
  const stray = bare.map(({ place }) =>
    problemOf(source, 'this document has no "kind", and the others of the file are objects', {
      place,
    })
  );
  return [...parts, configurationOf("configuration", clean, stray)];
}

/**
 * Of the ConfigMaps that count one is in force: the same twice is a mistake, for whoever applies
 * both sees the last one, and of several names the first counts.
 */
function withOneInForce(
  parts: readonly SourcePart[],
  source: string,
  expected: ExpectedConfigMap | undefined,
): readonly SourcePart[] {
  const names = expected?.names.map((name) => `${expected.namespace}/${name}`) ?? [];
  const titles = new Set(
    parts.flatMap((part) => part.kind === "configuration" ? part.map?.title ?? [] : []),
  );
  const inForce = names.find((name) => titles.has(name));
  const seen = new Map<string, ConfigPlace>();
  return parts.map((part) => {
    if (part.kind !== "configuration" || part.map === undefined) return part;
    const { found, map: { place, title }, what } = part;
    if (inForce !== undefined && title !== inForce) {
      const message = `ConfigMap ${title} is not read while ${inForce} is there`;
      const unread = problemOf(source, message, { severity: "warning", place });
      return { kind: "unread", what, problems: [unread, ...found.problems] };
    }
    // Of a local file any ConfigMap counts, whatever its name.
    const first = seen.get(expected === undefined ? "" : title);
    if (first === undefined) {
      seen.set(expected === undefined ? "" : title, place);
      return part;
    }
    const line = first.kind === "text" ? `in line ${first.line}` : "above";
    const message = `a configuration stands here again, the first is ${line}; one can be in force`;
    const problems = [...found.problems, problemOf(source, message, { place })];
    return { ...part, found: { ...found, config: undefined, problems } };
  });
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
  const message = "the file holds manifests, and no ConfigMap with a configuration is among them";
  return { config: undefined, text, problems: [problemOf(source, message)] };
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
      problems: [problemOf(source, missingKey(Object.keys(data), binary))],
    };
  }
  const parsed = parseConfig(text, source);
  const others = Object.keys(data).filter((key) => key !== KEY);
  const problems = others.length === 0 ? parsed.problems : [
    ...parsed.problems,
    problemOf(source, otherKeys(others), { severity: "warning" }),
  ];
  return { config: parsed.config, problems, text };
}

function isObjectNode(node: TreeNode): node is TreeMap {
  return node.kind === "map" && valueOf(node, "kind") !== undefined;
}

function unreadPart(
  what: string,
  source: string,
  message: string,
  place: ConfigPlace,
  hint?: string,
): SourcePart {
  return { kind: "unread", what, problems: [problemOf(source, message, { hint, place })] };
}

function readObject(
  { apiVersion, kind, node }: ListedObject,
  lines: readonly string[],
  source: string,
  expected: ExpectedConfigMap | undefined,
): SourcePart {
  const metadata = valueOf(node, "metadata");
  const [namespace, name] = [textAt(metadata, "namespace"), textAt(metadata, "name")];
  const title = keyWithoutSecret(namespace === "" ? name : `${namespace}/${name}`);
  const instead = insteadOfResource(apiVersion, kind);
  if (instead !== undefined) {
    const message = `${kind} ${title || "without a name"} is not read: this version of Herald ` +
      "takes its configuration from a ConfigMap";
    return unreadPart(kind, source, message, node.place, `write ${instead}`);
  }
  if (kind !== "ConfigMap") {
    if (kind.toLowerCase() !== "configmap") return { kind: "other", what: keyWithoutSecret(kind) };
    const { place } = valueOf(node, "kind") ?? node;
    return unreadPart(kind, source, `there is no kind "${kind}"`, place, 'write "kind: ConfigMap"');
  }
  const isMeant = expected === undefined || expected.names.includes(name) &&
      (namespace === "" || namespace === expected.namespace);
  const isFlat = title === "" && strayKeys(node).length > 0;
  if (!isMeant && !isFlat && !looksMeant(node, source)) {
    return { kind: "other", what: keyWithoutSecret(kind) };
  }
  const home = expected?.namespace ?? "metallb-system";
  const found = readConfigMap(node, home, lines, source);
  if (found === undefined) return { kind: "other", what: keyWithoutSecret(kind) };
  const what = `configmap ${title}`.trimEnd();
  if (isFlat) return { kind: "configuration", what, found };
  const map = { title: `${namespace || home}/${name}`, place: node.place };
  if (isMeant) return { kind: "configuration", what, found, map };
  const unread = problemOf(source, `ConfigMap ${title} is not read: ${namesOf(expected)} is`, {
    severity: "warning",
    hint: namespace === "" || namespace === expected.namespace
      ? `rename it, or say --config=${name} where Herald runs so`
      : `move it, or say --namespace=${namespace} where Herald runs there`,
    place: metadata?.place ?? node.place,
  });
  return { kind: "unread", what, problems: [unread, ...found.problems] };
}

/** Whether a ConfigMap of another name holds what looks like a configuration. */
function looksMeant(node: TreeMap, source: string): boolean {
  const value = valueOf(valueOf(node, "data"), KEY);
  const text = value?.kind === "scalar" ? value.text : "";
  return readYaml(text, source).some(({ root }) => looksLikeConfig(root));
}

/** `NS/NAME or NS/NAME`. */
export function namesOf({ names, namespace }: ExpectedConfigMap): string {
  return names.map((name) => `${namespace}/${name}`).join(" or ");
}
