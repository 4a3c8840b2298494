import { isObject, type JsonObject, listOr, objectOr } from "../../lib/model/json.ts";

/**
 * Where a value differs from one of a JSON Schema's definitions, as `PATH: what`. What it has beyond
 * the definition differs too. As much of the standard as Herald's schemas use; any other word in one
 * is a mistake.
 */
export function differences(schema: JsonObject, name: string, value: unknown): string[] {
  return differencesAt(schema, { $ref: `#/$defs/${name}` }, value, "$");
}

const WORDS = new Set([
  "$ref",
  "description",
  "type",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "enum",
  "const",
  "anyOf",
]);

function differencesAt(
  root: JsonObject,
  schema: JsonObject,
  value: unknown,
  path: string,
): string[] {
  const unknown = Object.keys(schema).filter((word) => !WORDS.has(word));
  if (unknown.length > 0) throw new Error(`the schema has ${unknown.join(", ")} at ${path}`);
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.replace("#/$defs/", "");
    const target = objectOr(root.$defs)[name];
    if (!isObject(target)) throw new Error(`the schema has no ${name}`);
    return differencesAt(root, target, value, path);
  }
  if (schema.anyOf !== undefined) {
    const each = listOr(schema.anyOf).map((one) => differencesAt(root, objectOr(one), value, path));
    return each.some(({ length }) => length === 0) ? [] : each[0] ?? [];
  }
  if (schema.const !== undefined && schema.const !== value) return [`${path}: ${value}`];
  if (schema.enum !== undefined && !listOr(schema.enum).includes(value)) {
    return [`${path}: ${value}`];
  }
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  if (schema.type !== undefined && schema.type !== type) return [`${path}: is ${type}`];
  if (Array.isArray(value)) {
    return value.flatMap((one, at) =>
      differencesAt(root, objectOr(schema.items), one, `${path}[${at}]`)
    );
  }
  if (!isObject(value)) return [];
  const properties = objectOr(schema.properties);
  const missing = listOr(schema.required).filter((key) => value[String(key)] === undefined);
  return [
    ...missing.map((key) => `${path}: lacks ${key}`),
    ...Object.entries(value).flatMap(([key, one]) => {
      if (one === undefined) return [];
      const rule = Object.hasOwn(properties, key) ? properties[key] : schema.additionalProperties;
      if (rule === undefined) return [`${path}: has ${key}`];
      return differencesAt(root, objectOr(rule), one, `${path}.${key}`);
    }),
  ];
}
