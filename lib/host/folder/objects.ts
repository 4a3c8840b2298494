import { isDeepStrictEqual } from "node:util";
import { type JsonObject, objectOr, textOf } from "../../model/json.ts";
import type { Selection } from "../cluster/kinds.ts";
import type { ManifestObject, Manifests } from "./manifests.ts";
import type { WrittenStatus } from "./statuses.ts";

/** An object in force, with the marks that an API server would give it. */
export interface StoredObject {
  readonly manifest: ManifestObject;
  readonly uid: string;
  readonly resourceVersion: string;
  /** The manifest with uid, resourceVersion and, for Services, the status file's status. */
  readonly object: JsonObject;
}

/** What changed in a store. */
export interface StoreChanges {
  readonly applied: readonly StoredObject[];
  readonly removed: readonly StoredObject[];
  /** Two files hold the same object: for people, told once. */
  readonly duplicates: readonly string[];
}

/** The objects of all files together, and the statuses laid over them. */
export interface StoredObjects {
  /** By `KIND/KEY`. */
  readonly current: ReadonlyMap<string, StoredObject>;
  /** Some file could not be read: what is missing may be in it. */
  readonly incomplete: boolean;
  setFile(path: string, manifests: Manifests | undefined): void;
  setStatus(key: string, written: WrittenStatus | undefined): void;
  statusKeys(): readonly string[];
  /** Brings `current` up to date with the files and statuses set since the last call. */
  refresh(): StoreChanges;
  /** The same for one Service's status. */
  refreshStatus(key: string): StoreChanges;
}

/** Makes a store that knows no file yet. */
export function createStoredObjects(): StoredObjects {
  const files = new Map<string, { objects: readonly ManifestObject[]; broken: boolean }>();
  const statuses = new Map<string, WrittenStatus>();
  const current = new Map<string, StoredObject>();
  const toldDuplicates = new Set<string>();
  let serial = 0;

  /** The first file by name wins. */
  function chosen(): { wanted: Map<string, ManifestObject>; duplicates: string[] } {
    const wanted = new Map<string, ManifestObject>();
    const duplicates: string[] = [];
    for (const path of [...files.keys()].sort()) {
      for (const manifest of files.get(path)?.objects ?? []) {
        const id = `${manifest.kind}/${manifest.key}`;
        const first = wanted.get(id);
        if (first === undefined) wanted.set(id, manifest);
        else duplicates.push(`${manifest.place}: ${id} stands in ${first.place} already`);
      }
    }
    return { wanted, duplicates };
  }

  function store(id: string, manifest: ManifestObject): StoredObject | undefined {
    const before = current.get(id);
    const own = objectOr(manifest.object.metadata);
    const written = manifest.kind === "Service" ? statuses.get(manifest.key) : undefined;
    const status = written?.status ?? manifest.object.status;
    const annotations = { ...objectOr(own.annotations), ...written?.annotations };
    if (
      before !== undefined && isSame(before.manifest.object, manifest.object) &&
      isSame(before.object.status, status) &&
      isSame(objectOr(before.object.metadata).annotations, annotations)
    ) return undefined;
    // Made anew when the object was gone in between, so that its end and beginning are seen.
    const uid = textOf(own.uid) ?? before?.uid ?? `${id}#${++serial}`;
    const resourceVersion = String(++serial);
    const metadata = { ...own, annotations, uid, resourceVersion };
    const object = { ...manifest.object, metadata, status };
    const stored = { manifest, uid, resourceVersion, object };
    current.set(id, stored);
    return stored;
  }

  return {
    current,
    get incomplete() {
      return [...files.values()].some(({ broken }) => broken);
    },
    setFile(path, manifests) {
      if (manifests === undefined) files.delete(path);
      else if (!manifests.broken) files.set(path, { objects: manifests.objects, broken: false });
      else files.set(path, { objects: files.get(path)?.objects ?? [], broken: true });
    },
    setStatus(key, written) {
      if (written === undefined) statuses.delete(key);
      else statuses.set(key, written);
    },
    statusKeys: () => [...statuses.keys()],
    refreshStatus(key) {
      const id = `Service/${key}`;
      const manifest = current.get(id)?.manifest;
      const stored = manifest && store(id, manifest);
      return { applied: stored ? [stored] : [], removed: [], duplicates: [] };
    },
    refresh() {
      const { wanted, duplicates } = chosen();
      const removed = [...current].filter(([id]) => !wanted.has(id));
      for (const [id] of removed) current.delete(id);
      const applied = [...wanted].flatMap(([id, manifest]) => store(id, manifest) ?? []);
      const untold = duplicates.filter((text) => !toldDuplicates.has(text));
      for (const text of untold) toldDuplicates.add(text);
      return { applied, removed: removed.map(([, stored]) => stored), duplicates: untold };
    },
  };
}

/** Whether a watch of these options is told of the object. */
export function isSelected({ manifest }: StoredObject, options: Selection): boolean {
  const { metadata } = manifest.object;
  const { namespace, name, labels } = objectOr(metadata);
  return manifest.kind === options.kind &&
    (options.namespace === undefined || namespace === options.namespace) &&
    (options.name === undefined || name === options.name) &&
    (options.labelSelector ?? "").split(",").filter((term) => term !== "").every((term) => {
      const [label = "", value] = term.split(/==?/);
      const held = textOf(objectOr(labels)[label.trim()]);
      return value === undefined ? held !== undefined : held === value.trim();
    });
}

/** Nearly all that is compared is the very same object. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(a, b);
}
