import { join } from "node:path";
import { LineCounter, parseAllDocuments } from "@std/yaml";
import { errorText } from "../../base/errors.ts";
import { isObject, type JsonObject, listOr, objectOr, textOf } from "../../model/json.ts";
import { isObjectName } from "../../model/names.ts";
import { identityOf, keyOf } from "../cluster/identity.ts";
import { isOfGroup, isStoredKind, KINDS, type StoredKind } from "../cluster/kinds.ts";

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
  const lineCounter = new LineCounter();
  const placeAt = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  try {
    for (const document of parseAllDocuments(text, { lineCounter })) {
      for (const error of document.errors) {
        problems.push(`${placeAt(error.pos[0])}: ${error.message.split("\n")[0]}`);
      }
      if (document.errors.length > 0) return { objects: [], problems, broken: true };
      const place = placeAt(document.contents?.range?.[0] ?? 0);
      // A bomb of aliases throws here.
      for (const object of flatten(document.toJS({ maxAliasCount: 100 }))) {
        const read = readObject(object, place);
        if (typeof read === "string") problems.push(`${place}: ${read}`);
        else if (read !== undefined) objects.push(read);
      }
    }
  } catch (error) {
    return {
      objects: [],
      problems: [...problems, `${file}:1:1: ${errorText(error)}`],
      broken: true,
    };
  }
  return { objects, problems, broken: false };
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
