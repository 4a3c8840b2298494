import type { Millis } from "../base/time.ts";
import { isObject, type JsonObject, objectOr, textOf } from "../model/json.ts";

/** What a coordination.k8s.io/v1 Lease says of its holder. */
export interface LeaseRecord {
  /** Empty: it has no holder. */
  readonly holder: string;
  /** How long the holder may act after each renewal; undefined where the field is of no use. */
  readonly durationMs: Millis | undefined;
  /** MicroTime; the holder's wall clock, for people only. */
  readonly acquireTime: string | undefined;
  readonly renewTime: string | undefined;
  /** How often the lease went from one holder to another. */
  readonly transitions: number;
}

/** A Lease as it was read. */
export interface Lease {
  /** Opaque. */
  readonly resourceVersion: string;
  readonly record: LeaseRecord;
  /** The object itself: what others keep in it stays. */
  readonly object: JsonObject;
}

/** Reads a Lease object; undefined when it is none. Missing fields are those of a free lease. */
export function decodeLease(object: unknown): Lease | undefined {
  if (!isObject(object) || object.kind !== "Lease") return undefined;
  const resourceVersion = textOf(objectOr(object.metadata).resourceVersion);
  if (!resourceVersion) return undefined;
  const spec = objectOr(object.spec);
  const seconds = countOf(spec.leaseDurationSeconds);
  const record: LeaseRecord = {
    holder: textOf(spec.holderIdentity) ?? "",
    durationMs: seconds === undefined || seconds === 0 ? undefined : seconds * 1000,
    acquireTime: textOf(spec.acquireTime),
    renewTime: textOf(spec.renewTime),
    transitions: countOf(spec.leaseTransitions) ?? 0,
  };
  return { resourceVersion, record, object };
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** The object that puts `record` in the place of `base`, on the condition that no other client was faster. */
export function encodeLease(record: LeaseRecord, base: Lease): JsonObject {
  return { ...base.object, spec: { ...objectOr(base.object.spec), ...specOf(record) } };
}

/** The object that makes a Lease where there is none. */
export function encodeNewLease(record: LeaseRecord, namespace: string, name: string): JsonObject {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace },
    spec: specOf(record),
  };
}

function specOf(record: LeaseRecord): JsonObject {
  return {
    holderIdentity: record.holder,
    leaseDurationSeconds: Math.ceil((record.durationMs ?? 1000) / 1000),
    acquireTime: record.acquireTime,
    renewTime: record.renewTime,
    leaseTransitions: record.transitions,
  };
}

/** Whether two records say the same. */
export function sameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return a.holder === b.holder && a.durationMs === b.durationMs && a.renewTime === b.renewTime &&
    a.acquireTime === b.acquireTime && a.transitions === b.transitions;
}
