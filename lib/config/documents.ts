import { placesOf } from "./places.ts";

/** Each costs a reader some work of its own, however short it is. */
export const MAX_DOCUMENTS = 10_000;

/** One document of a text that may hold several. */
export interface TextDocument {
  readonly text: string;
  /** Where it begins in the whole text; counts from 1. */
  readonly firstLine: number;
  /** What a `kind:` at the left margin says: enough to leave a document alone without reading it. */
  readonly kind: string | undefined;
}

/**
 * Splits a text at its `---` lines. No scalar can hold such a line at the left margin (YAML 1.2,
 * 9.1.2), so a document that cannot be read, or is too large, leaves the others as they are.
 */
export function splitDocuments(text: string): readonly TextDocument[] {
  // A directive stands before the line that ends it, and belongs to what comes after.
  if (/(?:^|[\r\n])%/.test(text)) return [documentOf(text, 1)];
  const marks = [...text.matchAll(/(?<=[\r\n])---(?=[ \t\r\n]|$)/g)].map(({ index }) => index);
  const starts = [0, ...marks];
  const place = placesOf(text);
  return starts.map((start, at) => documentOf(text.slice(start, starts[at + 1]), place(start).line))
    .filter(({ text }) => hasContent(text));
}

function documentOf(text: string, firstLine: number): TextDocument {
  const [, kind] = /(?:^|[\r\n])kind:[ \t]+["']?([A-Za-z0-9]+)["']?[ \t]*(?:#.*)?(?=[\r\n]|$)/
    .exec(text) ?? [];
  return { text, firstLine, kind };
}

/** Whether there is more than comments and the lines that begin and end it. */
function hasContent(text: string): boolean {
  return text.replace(/^---/, "").split(/[\r\n]+/)
    .some((line) => !/^(?:\.\.\.(?=\s|$))?\s*(?:#.*)?$/.test(line));
}
