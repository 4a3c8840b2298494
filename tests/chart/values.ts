import { parse } from "yaml";

const ROOT = new URL("../../", import.meta.url).pathname;
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
