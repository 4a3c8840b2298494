import { isObject, type JsonObject, listOr, objectOr, textOf } from "./json.ts";
import { ANNOTATION, ANNOTATION_PREFIXES } from "./names.ts";
import { parseTimestamp } from "./timestamp.ts";

/** The user agent, of which the API server makes the field manager where none is given. */
export const WRITER = "herald";
/** Before the Lease by which a leader leads, in its name as field manager. */
export const LEADING_WRITER = "herald+";
export const LONE_WRITER = "herald-alone-";

/** Whether a Herald, this one or another, writes by this name. */
export function isHerald(writer: string): boolean {
  return writer === WRITER || writer.startsWith(LEADING_WRITER) || writer.startsWith(LONE_WRITER);
}

/** One that wrote a part of an object, as the API server notes it. */
export interface StatusManager {
  /** The field manager's name. */
  readonly name: string;
  /** When, in whole seconds of the server's clock. */
  readonly time: string;
}

/** Reads them from the field managers, the last one first; none where nobody is noted. */
export function readStatusManagers(object: unknown): readonly StatusManager[] {
  return managersOf(object, (fields) => "f:loadBalancer" in objectOr(fields["f:status"]));
}

/** When status.loadBalancer was last written, in milliseconds since 1970; undefined if not noted. */
export function statusSince(object: unknown): number | undefined {
  return parseTimestamp(readStatusManagers(object)[0]?.time ?? "");
}

/**
 * Whether the status is another's than the annotation beside it, which tells the pool that gave an
 * address: somebody wrote over what was given, or cleared it. Who clears a status is noted nowhere,
 * and nobody has written it then. Not known where nobody is noted.
 */
export function isOverwritten(object: unknown): boolean {
  const [writer] = readStatusManagers(object);
  const [giver] = managersOf(object, (fields) => {
    const annotations = objectOr(objectOr(fields["f:metadata"])["f:annotations"]);
    return ANNOTATION_PREFIXES.some((prefix) =>
      `f:${prefix}${ANNOTATION.allocatedFrom}` in annotations
    );
  });
  if (giver === undefined) return false;
  if (writer === undefined) return !showsAddresses(object);
  if (isHerald(writer.name)) return false;
  return writer.name !== giver.name && writer.time >= giver.time;
}

function showsAddresses(object: unknown): boolean {
  const { status } = isObject(object) ? object : {};
  return listOr(objectOr(objectOr(status).loadBalancer).ingress).length > 0;
}

function managersOf(
  object: unknown,
  owns: (fields: JsonObject) => boolean,
): readonly StatusManager[] {
  if (!isObject(object)) return [];
  return listOr(objectOr(object.metadata).managedFields).map(objectOr)
    .filter(({ fieldsV1 }) => owns(objectOr(fieldsV1)))
    .map(({ manager, time }) => ({ name: textOf(manager) ?? "", time: textOf(time) ?? "" }))
    .sort((a, b) => a.time < b.time ? 1 : a.time > b.time ? -1 : 0);
}
