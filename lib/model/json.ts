/** An object of parsed JSON or YAML whose members are still to be judged. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether the value is an object with members; arrays and null are not. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value when it is an object, else an empty one. */
export function objectOr(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The value when it is a list, else an empty one. */
export function listOr(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value when it is a text with at least one character. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** The texts of metadata.labels; what is no text is left out. */
export function readLabels(labels: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(objectOr(labels));
  if (entries.length === 0) return NO_LABELS;
  return new Map(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/**
 * A text from outside, fit for a message: quoted, control characters escaped, cut to 64
 * characters, for events hold about a thousand and annotations up to 256 KiB.
 */
export function quoted(text: string): string {
  return text.length > 64 ? `${JSON.stringify(text.slice(0, 64))}…` : JSON.stringify(text);
}
