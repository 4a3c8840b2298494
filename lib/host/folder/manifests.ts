import { join } from "node:path";
import { MAX_DOCUMENTS, splitDocuments, type TextDocument } from "../../config/documents.ts";
import { placeText } from "../../config/report.ts";
import { readYaml } from "../../config/yaml.ts";
import { valueOfNode } from "../../config/yaml_value.ts";
import { isObject, type JsonObject, listOr, objectOr, textOf } from "../../model/json.ts";
import { isObjectName } from "../../model/names.ts";
import { identityOf, keyOf } from "../cluster/identity.ts";
import { isOfGroup, isStoredKind, KINDS, type StoredKind } from "../cluster/kinds.ts";
import { readPlain } from "./plain_yaml.ts";

/** A List of ten thousand Services in one document. */
const MAX_TEXT = 64 * 1024 * 1024;
/** Beside one for each character, by aliases. */
const MORE_NODES = 100_000;

/** One object of a manifest file, as an API server would have stored it. */
export interface ManifestObject {
  readonly kind: StoredKind;
  /** `namespace/name`, or `name`. */
  readonly key: string;
  /** `FILE:LINE:COL` of its document. */
  readonly place: string;
  readonly object: JsonObject;
}

/** All of one file; objects with a mistake of their own are left out and told of. */
export interface Manifests {
  readonly objects: readonly ManifestObject[];
  /** `FILE:LINE:COL: what is wrong`. */
  readonly problems: readonly string[];
  /** The file is no YAML at all: nothing in it can be believed. */
  readonly broken: boolean;
}

/** Whether a file of the folder itself holds manifests, by its name. */
export function isManifest(root: string, path: string): boolean {
  return /^[^/]+\.(ya?ml|json)$/.test(path.slice(root.length + 1)) && path.startsWith(`${root}/`);
}

/** The paths of all such files. @throws the system's error */
export function listManifests(root: string): string[] {
  return [...Deno.readDirSync(root)].map(({ name }) => join(root, name)).filter((path) =>
    isManifest(root, path)
  );
}

/** Reads the documents of a manifest file, YAML or JSON. Never throws. */
export function readManifests(text: string, file: string): Manifests {
  const objects: ManifestObject[] = [];
  const problems: string[] = [];
  const parts = splitDocuments(text);
  if (parts.length > MAX_DOCUMENTS) {
    const problem = `${file}:1:1: more than ${MAX_DOCUMENTS} documents: so many are not read`;
    return { objects, problems: [problem], broken: true };
  }
  for (const part of parts) {
    const { broken, documents } = readDocuments(part, file);
    if (broken !== undefined) {
      return { objects: [], problems: [...problems, ...broken], broken: true };
    }
    for (const { place, value } of documents) {
      for (const candidate of flatten(value)) {
        const object = readObject(candidate, place);
        if (typeof object === "string") problems.push(`${place}: ${object}`);
        else if (object !== undefined) objects.push(object);
      }
    }
  }
  return { objects, problems, broken: false };
}

/** What one document says, and where it begins. */
interface ReadDocument {
  readonly value: unknown;
  readonly place: string;
}

/** The documents of a part of a file, nearly always one; or why it is no YAML. */
function readDocuments(
  { firstLine, text }: TextDocument,
  file: string,
): { readonly documents: readonly ReadDocument[]; readonly broken?: readonly string[] } {
  const placeOf = (line: number, column: number) => `${file}:${line + firstLine - 1}:${column}`;
  const plain = readPlain(text);
  if (plain !== undefined) {
    return { documents: [{ value: plain.value, place: placeOf(plain.line, plain.column) }] };
  }
  const documents: ReadDocument[] = [];
  const bounds = { maxText: MAX_TEXT, maxNodes: MORE_NODES + text.length, firstLine };
  for (const { mistakes, root } of readYaml(text, file, bounds)) {
    if (mistakes.length > 0) {
      const broken = mistakes.map(({ hint, message, place }) =>
        `${placeText(place)}: ${message}${hint === undefined ? "" : `; ${hint}`}`
      );
      return { documents: [], broken };
    }
    const place = root === undefined ? placeOf(1, 1) : placeText(root.place);
    documents.push({ place, value: valueOfNode(root) });
  }
  return { documents };
}

/** The objects of a document; those of a List one by one, empty documents not at all. */
function flatten(document: unknown): readonly unknown[] {
  if (document === null || document === undefined) return [];
  const kind = textOf(objectOr(document).kind);
  if (kind === undefined || !kind.endsWith("List") || !isObject(document)) return [document];
  const itemKind = kind.slice(0, -"List".length);
  return listOr(document.items).map((item) =>
    itemKind !== "" && isObject(item) ? { kind: itemKind, ...item } : item
  );
}

/** An object, or what is wrong with it; undefined for kinds that do not concern Herald. */
function readObject(object: unknown, place: string): ManifestObject | string | undefined {
  if (!isObject(object)) return "this is no Kubernetes object, a mapping is needed";
  const kind = textOf(object.kind);
  if (kind === undefined) return "kind is missing";
  if (!isStoredKind(kind)) return undefined;
  const apiVersion = textOf(object.apiVersion);
  if (apiVersion !== undefined && !isOfGroup(kind, apiVersion)) return undefined;
  const identity = identityOf(object);
  if (identity === undefined) {
    return textOf(objectOr(object.metadata).name) === undefined
      ? `${kind} without metadata.name`
      : `${kind}: the values of labels and annotations must be texts; put them in quotes`;
  }
  const namespace = KINDS[kind].namespaced ? identity.namespace ?? "default" : undefined;
  // Both become names of files.
  for (const name of [identity.name, namespace ?? "default"]) {
    if (!isObjectName(name)) {
      return `${kind}: ${JSON.stringify(name)} is no Kubernetes name`;
    }
  }
  const metadata = { ...objectOr(object.metadata), name: identity.name, namespace };
  const stored = { ...object, kind, metadata };
  return {
    kind,
    key: keyOf({ namespace, name: identity.name }),
    place,
    object: kind === "Service" ? { ...stored, spec: defaultedSpec(objectOr(object.spec)) } : stored,
  };
}

/** What an API server would have filled in: families (IPv4 unless told) and ports' protocols. */
function defaultedSpec(spec: JsonObject): JsonObject {
  const clusterIp = textOf(spec.clusterIP);
  const clusterIps = spec.clusterIPs ?? (clusterIp === undefined ? undefined : [clusterIp]);
  const families = spec.ipFamilies ?? (clusterIps === undefined ? ["IPv4"] : undefined);
  const ports = Array.isArray(spec.ports)
    ? spec.ports.map((port: unknown) => isObject(port) ? { protocol: "TCP", ...port } : port)
    : spec.ports;
  return { ...spec, clusterIPs: clusterIps, ipFamilies: families, ports };
}
