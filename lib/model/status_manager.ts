import { isObject, listOr, objectOr, textOf } from "./json.ts";

/** One that wrote a part of an object's status.loadBalancer, as the API server notes it. */
export interface StatusManager {
  /** The field manager's name. */
  readonly name: string;
  /** When, in whole seconds of the server's clock. */
  readonly time: string;
}

/** Reads them from the field managers, the last one first; none where nobody is noted. */
export function readStatusManagers(object: unknown): readonly StatusManager[] {
  if (!isObject(object)) return [];
  return listOr(objectOr(object.metadata).managedFields).map(objectOr)
    .filter(({ fieldsV1 }) => "f:loadBalancer" in objectOr(objectOr(fieldsV1)["f:status"]))
    .map(({ manager, time }) => ({ name: textOf(manager) ?? "", time: textOf(time) ?? "" }))
    .sort((a, b) => a.time < b.time ? 1 : a.time > b.time ? -1 : 0);
}
