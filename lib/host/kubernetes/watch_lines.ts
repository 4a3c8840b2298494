import { isObject, type JsonObject, objectOr, textOf } from "../../model/json.ts";

/** One line of a watch. */
export type WatchEvent =
  | { readonly kind: "apply"; readonly object: JsonObject }
  | { readonly kind: "delete"; readonly object: JsonObject }
  /** Nothing changed up to this version. */
  | { readonly kind: "bookmark"; readonly resourceVersion: string }
  | { readonly kind: "error"; readonly code: number; readonly message: string }
  | { readonly kind: "unknown"; readonly type: string }
  /** The line is no event: the stream was cut or never was a watch. */
  | { readonly kind: "broken" };

/** The longest line of a watch that is read; an object of the API is at most a few MiB. */
const LINE_LIMIT = 16 * 1024 * 1024;

/** Puts lines together from chunks that may end anywhere, inside a character too. */
interface LineReader {
  /**
   * The lines that this chunk completes, without their line feeds; undefined past the limit. They
   * lie in the chunk: good until that is written to again.
   */
  push(chunk: Uint8Array): readonly Uint8Array[] | undefined;
}

/** Makes a {@link LineReader} for lines of at most `limit` bytes. */
export function createLineReader(limit = LINE_LIMIT): LineReader {
  let parts: Uint8Array[] = [];
  let length = 0;

  function take(tail: Uint8Array): Uint8Array {
    if (parts.length === 0) return tail;
    const line = new Uint8Array(length + tail.length);
    let offset = 0;
    for (const part of [...parts, tail]) {
      line.set(part, offset);
      offset += part.length;
    }
    parts = [];
    length = 0;
    return line;
  }

  return {
    push(chunk) {
      const lines: Uint8Array[] = [];
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(0x0a, start);
        const part = chunk.subarray(start, end < 0 ? undefined : end);
        if (length + part.length > limit) return undefined;
        if (end < 0) {
          if (part.length > 0) parts.push(part.slice());
          length += part.length;
          return lines;
        }
        lines.push(take(part));
        start = end + 1;
      }
    },
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads one line of a watch. Never throws. */
export function parseWatchLine(line: Uint8Array): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(decoder.decode(line));
  } catch {
    return { kind: "broken" };
  }
  if (!isObject(event)) return { kind: "broken" };
  const type = textOf(event.type);
  if (type === undefined || !isObject(event.object)) return { kind: "broken" };
  const object = event.object;
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      return { kind: "apply", object };
    case "DELETED":
      return { kind: "delete", object };
    case "BOOKMARK": {
      const resourceVersion = textOf(objectOr(object.metadata).resourceVersion);
      return resourceVersion ? { kind: "bookmark", resourceVersion } : { kind: "unknown", type };
    }
    case "ERROR":
      return {
        kind: "error",
        code: typeof object.code === "number" ? object.code : 0,
        message: textOf(object.message) ?? "no reason given",
      };
    default:
      return { kind: "unknown", type };
  }
}
