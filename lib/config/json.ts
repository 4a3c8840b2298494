import type { FieldPlace } from "../base/errors.ts";
import { isObject } from "../model/json.ts";
import { MAX_DEPTH, type Mistake, type TreeDocument, type TreeNode } from "./tree.ts";

/**
 * Reads a value of JSON, such as the `spec` of an object of Kubernetes. `object` names it in
 * problems, `path` is where in the object the value is. Never throws.
 */
export function readJson(value: unknown, object: string, path: string): TreeDocument {
  const mistakes: Mistake[] = [];

  function read(given: unknown, at: string, depth: number): TreeNode {
    const place: FieldPlace = { kind: "field", object, path: at };
    if (depth > MAX_DEPTH) {
      const message = `more than ${MAX_DEPTH} levels inside each other`;
      if (mistakes.length === 0) mistakes.push({ severity: "error", place, message });
      return { kind: "scalar", text: "", quoted: false, place };
    }
    if (Array.isArray(given)) {
      const items = given.map((item, index) => read(item, `${at}[${index}]`, depth + 1));
      return { kind: "list", place, items };
    }
    if (!isObject(given)) {
      return {
        kind: "scalar",
        text: String(given ?? ""),
        quoted: typeof given === "string",
        place,
      };
    }
    const entries = Object.entries(given).map(([key, content]) => {
      const inside = read(content, fieldOf(at, key), depth + 1);
      return {
        key: { kind: "scalar", text: key, quoted: true, place: inside.place },
        value: inside,
      } as const;
    });
    return { kind: "map", place, entries };
  }

  const root = read(value, path, 0);
  return { root: mistakes.length === 0 ? root : undefined, mistakes };
}

function fieldOf(path: string, key: string): string {
  return /^[\w-]+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
