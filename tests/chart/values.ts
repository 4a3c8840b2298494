import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const CHART = `${ROOT}deploy/chart/herald`;

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The values of a file; without one the chart's defaults. */
export async function readValues(path = `${CHART}/values.yaml`): Promise<JsonObject> {
  const values: Json = parse(await Deno.readTextFile(path));
  if (!isObject(values)) throw new TypeError(`${path} holds no table`);
  return values;
}

/** The value at the end of each path, as `controller.image.tag`. Empty tables are ends. */
export function leavesOf(values: JsonObject, before = ""): ReadonlyMap<string, Json> {
  return new Map(
    Object.entries(values).flatMap(([key, value]) =>
      isObject(value) && Object.keys(value).length > 0
        ? [...leavesOf(value, `${before}${key}.`)]
        : [[`${before}${key}`, value] as const]
    ),
  );
}

/** The schema of the values. */
export async function readSchema(): Promise<JsonObject> {
  const schema: Json = JSON.parse(await Deno.readTextFile(`${CHART}/values.schema.json`));
  if (!isObject(schema)) throw new TypeError("the schema is no table");
  return schema;
}

/** Follows what a part of the schema stands for. */
export function resolved(schema: JsonObject, part: Json | undefined): JsonObject {
  if (!isObject(part)) throw new TypeError("no schema");
  const [first, second] = Array.isArray(part.allOf) ? part.allOf : [];
  if (first !== undefined) {
    return {
      ...resolved(schema, first),
      ...isObject(second) && { required: second.required ?? [] },
    };
  }
  if (typeof part.$ref !== "string" || !isObject(schema.definitions)) return part;
  return resolved(schema, schema.definitions[part.$ref.replace("#/definitions/", "")]);
}

/** The values that may be taken away by null: whole tables where one may, and each of the ends. */
export async function optionalPaths(): Promise<{
  readonly outer: readonly string[];
  readonly inner: readonly string[];
}> {
  const schema = await readSchema();
  const outer: string[] = [];
  const inner: string[] = [];
  const visit = (values: JsonObject, part: JsonObject, before: string, within: boolean): void => {
    const properties = isObject(part.properties) ? part.properties : {};
    const required = Array.isArray(part.required) ? part.required : [];
    for (const [key, value] of Object.entries(values)) {
      const path = `${before}${key}`;
      const optional = !required.includes(key);
      if (optional && !within) outer.push(path);
      const below = properties[key] === undefined ? {} : resolved(schema, properties[key]);
      if (isObject(value) && Object.keys(value).length > 0) {
        visit(value, below, `${path}.`, within || optional);
      } else if (optional) inner.push(path);
    }
  };
  visit(await readValues(), schema, "", false);
  return { outer, inner };
}

/** The templates by their names, helpers and notes among them. */
export async function readTemplates(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of Deno.readDir(`${CHART}/templates`)) {
    found.set(name, await Deno.readTextFile(`${CHART}/templates/${name}`));
  }
  return found;
}

/** A file of values in which everything is switched on. */
export const EVERYTHING = `${ROOT}tests/chart/everything.yaml`;
