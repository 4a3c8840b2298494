import { isDeepStrictEqual } from "node:util";
import type { Change, Watched, WatchOptions } from "./cluster.ts";
import { identityOf, keyOf } from "./identity.ts";

/** The readings of one kind of object; of the objects themselves nothing is kept. */
export interface WatchCache<T> {
  readonly items: ReadonlyMap<string, T>;
  /** Reads an object, without changing the cache. */
  readObject(object: unknown): ObjectReading<T>;
  /** Takes a full list for the truth: changes against what was known, without `synced`. */
  replaceAll(readings: Iterable<ObjectReading<T>>): Change<T>[];
  /** Takes one event of a watch. */
  apply(reading: ObjectReading<T>): Change<T>[];
  delete(reading: ObjectReading<T>): Change<T>[];
}

/** What was read of an object; `value` is undefined for one that is left out. */
export type ObjectReading<T> =
  | {
    readonly kind: "read";
    readonly key: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly value: T | undefined;
  }
  /** No object that could be kept: no name, or labels and annotations that are no texts. */
  | { readonly kind: "skip" };

/** Makes an empty cache for what `options` reads. */
export function createWatchCache<T>(
  options: Pick<WatchOptions<T>, "read" | "equal">,
): WatchCache<T> {
  const { read, equal = isDeepStrictEqual } = options;
  const items = new Map<string, T>();
  const marks = new Map<string, { uid: string; resourceVersion: string }>();

  function put(reading: ObjectReading<T> & { kind: "read" }): Change<T>[] {
    const { key, uid, resourceVersion, value } = reading;
    const previous = items.get(key);
    const another = marks.has(key) && marks.get(key)?.uid !== uid;
    // A second object of the same name: what is held for the first one must be let go.
    const gone: Change<T>[] = another ? drop(key) : [];
    if (value === undefined) return [...gone, ...drop(key)];
    marks.set(key, { uid, resourceVersion });
    items.set(key, value);
    if (another || previous === undefined) return [...gone, { kind: "apply", key, value }];
    return equal(previous, value) ? [] : [{ kind: "apply", key, value, previous }];
  }

  function drop(key: string): Change<T>[] {
    const previous = items.get(key);
    items.delete(key);
    marks.delete(key);
    return previous === undefined ? [] : [{ kind: "delete", key, previous }];
  }

  return {
    items,
    readObject(object) {
      const identity = identityOf(object);
      if (identity === undefined) return { kind: "skip" };
      const { uid, resourceVersion } = identity;
      return { kind: "read", key: keyOf(identity), uid, resourceVersion, value: read(object) };
    },
    replaceAll(readings) {
      const listed = new Set<string>();
      const applied: Change<T>[] = [];
      for (const reading of readings) {
        if (reading.kind === "skip") continue;
        listed.add(reading.key);
        applied.push(...put(reading));
      }
      const gone = [...items.keys()].filter((key) => !listed.has(key));
      return [...gone.flatMap(drop), ...applied];
    },
    apply(reading) {
      if (reading.kind === "skip") return [];
      const mark = marks.get(reading.key);
      const replayed = mark !== undefined && mark.uid === reading.uid &&
        isOlder(reading.resourceVersion, mark.resourceVersion);
      return replayed ? [] : put(reading);
    },
    delete(reading) {
      if (reading.kind === "skip") return [];
      const mark = marks.get(reading.key);
      const stale = mark === undefined || mark.uid !== reading.uid ||
        isOlder(reading.resourceVersion, mark.resourceVersion);
      return stale ? [] : drop(reading.key);
    },
  };
}

/** A watch as its consumer sees it; its signs are read when they are asked for. */
export function watchedOf<T>(
  signs: () => Pick<Watched<T>, "synced" | "lastHeardMs" | "lastMovedMs">,
  rest: Pick<Watched<T>, "items" | "refresh" | "done">,
): Watched<T> {
  return {
    ...rest,
    get synced() {
      return signs().synced;
    },
    get lastHeardMs() {
      return signs().lastHeardMs;
    },
    get lastMovedMs() {
      return signs().lastMovedMs;
    },
  };
}

/**
 * Whether a version came before another of the same object. Versions are opaque; only where both
 * are decimal numbers, of any length, are they compared, else nothing is older.
 */
export function isOlder(version: string, than: string): boolean {
  if (!/^[1-9]\d*$/.test(version) || !/^[1-9]\d*$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}
