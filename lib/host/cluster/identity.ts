import { isObject, objectOr, textOf } from "../../model/json.ts";

/** What identifies one state of one object. */
interface Identity {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
  /** Opaque: numbers above 2^53 and texts that are no numbers pass unchanged. */
  readonly resourceVersion: string;
}

/** Reads metadata; undefined for an object without a name, or with labels that are no texts. */
export function identityOf(object: unknown): Identity | undefined {
  if (!isObject(object)) return undefined;
  const metadata = objectOr(object.metadata);
  const name = textOf(metadata.name);
  if (name === undefined) return undefined;
  for (const texts of [metadata.labels ?? {}, metadata.annotations ?? {}]) {
    if (!isObject(texts)) return undefined;
    if (!Object.values(texts).every((text) => typeof text === "string")) return undefined;
  }
  return {
    namespace: textOf(metadata.namespace),
    name,
    uid: textOf(metadata.uid) ?? "",
    resourceVersion: textOf(metadata.resourceVersion) ?? "",
  };
}

/** The one key of an object: `namespace/name`, or `name` where there is no namespace. */
export function keyOf({ namespace, name }: Pick<Identity, "namespace" | "name">): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
