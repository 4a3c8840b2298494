import type { TreeMap, TreeNode } from "./tree.ts";

/** An object of a document: the document itself, or what a List in it holds. */
export interface ListedObject {
  readonly node: TreeMap;
  readonly apiVersion: string;
  readonly kind: string;
}

/** What stands in a List and is no object. */
export interface StrayItem {
  readonly node: TreeNode;
  readonly message: string;
}

/**
 * The objects of a document, Lists within Lists too. The items of a typed list (`ConfigMapList`)
 * may leave out what the list says of them all; those of a `List` say it themselves.
 */
export function listedObjects(
  node: TreeMap,
  otherwise: { readonly apiVersion: string; readonly kind: string } = { apiVersion: "", kind: "" },
): readonly (ListedObject | StrayItem)[] {
  const kind = textAt(node, "kind") || otherwise.kind;
  const apiVersion = textAt(node, "apiVersion") || otherwise.apiVersion;
  const items = valueOf(node, "items");
  const isPlain = kind === "List";
  if (kind === "") return [{ node, message: 'this item has no "kind"' }];
  if (!kind.endsWith("List") || (!isPlain && items === undefined)) {
    return [{ node, apiVersion, kind }];
  }
  if (items === undefined || isNothing(items)) return [];
  if (items.kind !== "list") return [{ node: items, message: '"items" must be a list of objects' }];
  const ofItems = isPlain
    ? { apiVersion: "", kind: "" }
    : { apiVersion, kind: kind.slice(0, -"List".length) };
  return items.items.flatMap((item): readonly (ListedObject | StrayItem)[] =>
    item.kind === "map"
      ? listedObjects(item, ofItems)
      : [{ node: item, message: "this item is no object" }]
  );
}

function isNothing(node: TreeNode): boolean {
  return node.kind === "scalar" && !node.quoted && /^(?:|~|null)$/.test(node.text);
}

/** The value of a map's key. */
export function valueOf(node: TreeNode | undefined, key: string): TreeNode | undefined {
  return node?.kind === "map"
    ? node.entries.find((entry) => entry.key.text === key)?.value
    : undefined;
}

/** The text of a map's key; empty where there is none. */
export function textAt(node: TreeNode | undefined, key: string): string {
  const value = valueOf(node, key);
  return value?.kind === "scalar" ? value.text : "";
}
