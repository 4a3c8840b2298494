/** A character that looks like one of the grammar's, or like nothing at all. */
interface Lookalike {
  readonly index: number;
  /** What it is, and what to write in its place. */
  readonly hint: string;
}

/** What pages, word processors and input methods write in the place of each character. */
const WRITTEN: readonly (readonly [characters: string, instead: string, name: string])[] = [
  ["\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000", " ", "a blank of another kind"],
  ["\u00ad\u200b-\u200f\u2060\ufeff", "", "an invisible character"],
  ["\u2010-\u2015\u2212\ufe58\ufe63\uff0d", "-", "another dash"],
  ["\uff1a\ufe55\ua789", ":", "another colon"],
  ["\uff0c\u3001\ufe50", ",", "another comma"],
  ["\u201c-\u201f\uff02", '"', "another quote"],
  ["\u2018-\u201b\uff07", "'", "another quote"],
  ["\u3002\uff0e\u2024", ".", "another full stop"],
  ["\uff0f\u2044\u2215", "/", "another slash"],
  ["\uff03\ufe5f", "#", "another number sign"],
];
const ANY = new RegExp(`[${WRITTEN.map(([characters]) => characters).join("")}]`);
const KINDS = WRITTEN.map(([characters, instead, name]) => ({
  pattern: new RegExp(`[${characters}]`, "g"),
  instead,
  name,
}));

/** The first such character of a text. */
export function lookalikeIn(text: string): Lookalike | undefined {
  const index = text.search(ANY);
  const kind = KINDS.find(({ pattern }) => text.charAt(index).search(pattern) === 0);
  if (kind === undefined) return undefined;
  const { instead, name } = kind;
  const code = `U+${text.charCodeAt(index).toString(16).toUpperCase().padStart(4, "0")}`;
  const write = instead === "" ? "delete it" : `write ${instead === " " ? "a blank" : instead}`;
  return { index, hint: `${name} (${code}) stands here: ${write}` };
}

/** The text as it was meant. */
export function withoutLookalikes(text: string): string {
  if (!ANY.test(text)) return text.trim();
  return KINDS.reduce((rest, { instead, pattern }) => rest.replaceAll(pattern, instead), text)
    .trim();
}
