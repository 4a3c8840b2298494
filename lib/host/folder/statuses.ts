import { stringify } from "@std/yaml";
import { dirname, join } from "node:path";
import { readYamlValue } from "../../config/yaml_value.ts";
import { isObject, type JsonObject, objectOr } from "../../model/json.ts";
import { readPlain } from "./plain_yaml.ts";

/** `FOLDER/status/NAMESPACE/NAME.yaml`. */
export function statusPath(folder: string, key: string): string {
  return join(folder, "status", `${key}.yaml`);
}

/** `FOLDER/status/NAME.note`: a text for later processes. */
export function notePath(folder: string, name: string): string {
  return join(folder, "status", `${name}.note`);
}

/** The text of a file; undefined when there is none. @throws the system's error */
export async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** `namespace/name` of the Service whose status this file holds, or undefined. */
export function statusKey(folder: string, path: string): string | undefined {
  const root = join(folder, "status") + "/";
  if (!path.startsWith(root) || !path.endsWith(".yaml")) return undefined;
  const key = path.slice(root.length, -".yaml".length);
  return /^[^/.][^/]*\/[^/.][^/]*$/.test(key) ? key : undefined;
}

/** The paths of all status files. */
export function listStatusFiles(folder: string): string[] {
  const root = join(folder, "status");
  return entries(root).filter(({ isDirectory }) => isDirectory).flatMap(({ name }) =>
    entries(join(root, name)).map((file) => join(root, name, file.name))
  ).filter((path) => statusKey(folder, path) !== undefined);
}

function entries(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    const none = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (none) return [];
    throw error;
  }
}

/** What Herald wrote about a Service: its status, and the annotations beside it. */
export interface WrittenStatus {
  readonly status: JsonObject;
  readonly annotations: JsonObject;
}

/** What a status file's text says; undefined when it is none. */
export function readStatus(text: string): WrittenStatus | undefined {
  const { value: service } = readPlain(text) ?? readYamlValue(text, "status");
  if (!isObject(service) || service.kind !== "Service") return undefined;
  const annotations = objectOr(objectOr(service.metadata).annotations);
  return { status: objectOr(service.status), annotations };
}

/** The text of a status file: a Service manifest of metadata and status. */
export function formatStatus(namespace: string, name: string, written: WrittenStatus): string {
  const { status, annotations } = written;
  const metadata = {
    name,
    namespace,
    ...Object.keys(annotations).length === 0 ? {} : { annotations },
  };
  return stringify({ apiVersion: "v1", kind: "Service", metadata, status });
}

/**
 * Writes a file so that a reader, or the machine after a power cut, finds the old one or the new
 * one, never a part. @throws the system's error
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    using file = await Deno.open(draft, { write: true, createNew: true, mode: 0o644 });
    const bytes = new TextEncoder().encode(text);
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written));
    }
    await file.syncData();
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

/**
 * Removes a status file and its folder when that was the last one; absence is no error. Done at
 * once, so that it never meets the writing of the next status of that name.
 */
export function removeStatus(path: string): void {
  try {
    Deno.removeSync(path);
    Deno.removeSync(dirname(path));
  } catch (error) {
    // The folder holds other statuses, or another process was faster.
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Error && error.message.includes("not empty")) return;
    throw error;
  }
}
