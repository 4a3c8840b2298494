import type { ServiceFacts, ServiceKey } from "../../model/facts.ts";
import { ANNOTATION_PREFIXES } from "../../model/names.ts";

/** Tells of annotations in MetalLB's old spelling: once for each Service in the life of a process. */
export interface Deprecations {
  /** What to tell of this Service now; undefined when there is nothing, or it was told. */
  messageFor(facts: ServiceFacts): string | undefined;
  forget(key: ServiceKey): void;
}

/** Begins with nothing told. */
export function createDeprecations(): Deprecations {
  const told = new Map<ServiceKey, string>();
  return {
    messageFor({ key, uid, deprecated = [] }) {
      if (deprecated.length === 0 || told.get(key) === uid) return undefined;
      told.set(key, uid);
      const [newer, older] = ANNOTATION_PREFIXES;
      const names = deprecated.map((name) => `${older}${name}`).join(", ");
      const better = deprecated.map((name) => `${newer}${name}`).join(", ");
      return `${names} ${deprecated.length === 1 ? "is" : "are"} deprecated; write ${better}`;
    },
    forget: (key) => void told.delete(key),
  };
}
