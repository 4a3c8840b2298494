import { type JsonObject, objectOr } from "../../model/json.ts";
import { ANNOTATION, ANNOTATION_PREFIXES } from "../../model/names.ts";

/**
 * The annotations that a write of a status sets: the pool under the newer prefix; null takes one
 * away. The API server takes annotations with a status, so each address costs one request.
 */
export function allocatedFrom(pool: string | undefined): Readonly<Record<string, string | null>> {
  const [newer, older] = ANNOTATION_PREFIXES.map((prefix) => prefix + ANNOTATION.allocatedFrom);
  return { [String(newer)]: pool ?? null, [String(older)]: null };
}

/** Metadata with these annotations set and taken away. */
export function withAllocatedFrom(metadata: JsonObject, pool: string | undefined): JsonObject {
  const set = allocatedFrom(pool);
  const kept = Object.entries(objectOr(metadata.annotations)).filter(([name]) => !(name in set));
  const added = Object.entries(set).filter(([, value]) => value !== null);
  return { ...metadata, annotations: Object.fromEntries([...kept, ...added]) };
}
