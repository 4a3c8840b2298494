import { type Kind, KINDS, type Selection } from "../cluster/kinds.ts";

/** The path of a collection with its selectors and further query parameters. */
export function collectionPath(
  { kind, namespace, name, labelSelector }: Selection,
  parameters: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams(parameters);
  if (name !== undefined) query.set("fieldSelector", `metadata.name=${name}`);
  if (labelSelector !== undefined) query.set("labelSelector", labelSelector);
  return `${objectPath(kind, namespace)}?${query}`;
}

/**
 * The path of an object, or of its collection where no name is given. A kind without namespace
 * takes undefined for it, and so does a collection of the whole cluster.
 */
export function objectPath(kind: Kind, namespace: string | undefined, name?: string): string {
  const { group, plural, version } = KINDS[kind];
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const within = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${within}/${plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}
