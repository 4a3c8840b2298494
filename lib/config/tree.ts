import type { ConfigPlace, Severity } from "../base/errors.ts";

/**
 * A configuration as its readers see it, in whatever it was written. Each scalar is the text that
 * was written, for its field tells what it means.
 */
export type TreeNode = TreeMap | TreeList | TreeScalar;

/** What has a place; the readers only pass it on. */
export interface Placed {
  readonly place: ConfigPlace;
}

export interface TreeScalar extends Placed {
  readonly kind: "scalar";
  readonly text: string;
  /** It can be nothing but a text: never null, never a number. */
  readonly quoted: boolean;
}

interface TreeList extends Placed {
  readonly kind: "list";
  readonly items: readonly TreeNode[];
}

export interface TreeMap extends Placed {
  readonly kind: "map";
  readonly entries: readonly TreeEntry[];
}

export interface TreeEntry {
  readonly key: TreeScalar;
  readonly value: TreeNode;
}

/** Something wrong at a place. */
export interface Mistake extends Placed {
  readonly severity: Severity;
  readonly message: string;
  readonly hint?: string;
  /** Another place that belongs to it. */
  readonly other?: ConfigPlace;
}

/** The tree of a whole document. */
export interface TreeDocument {
  /** Undefined for an empty document or one that cannot be read. */
  readonly root: TreeNode | undefined;
  readonly mistakes: readonly Mistake[];
}

/** The grammar is six levels deep. */
export const MAX_DEPTH = 64;

/** Puts places of one text in its order, and fields by object and path. */
export function comparePlaces(a: ConfigPlace, b: ConfigPlace): number {
  if (a.kind === "text" && b.kind === "text") return a.line - b.line || a.column - b.column;
  if (a.kind === "field" && b.kind === "field") {
    return compareTexts(a.object, b.object) || compareTexts(inOrder(a.path), inOrder(b.path));
  }
  return a.kind === "text" ? -1 : 1;
}

/** With places in lists of equal length, so that the tenth item comes after the second. */
function inOrder(path: string): string {
  return path.replace(/\d+/g, (digits) => digits.padStart(9, "0"));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
