import type { ServiceFacts, ServiceKey } from "../../model/facts.ts";
import { ANNOTATION_PREFIXES, EVENT, type EventReason } from "../../model/names.ts";

interface Notice {
  readonly reason: EventReason;
  readonly message: string;
}

/**
 * Tells of annotations in MetalLB's old spelling, and of those that have no effect: once for each
 * Service in the life of a process, and again when it is another text.
 */
export interface AnnotationNotices {
  /** What to tell of this Service now. */
  about(facts: ServiceFacts): readonly Notice[];
  forget(key: ServiceKey): void;
}

/** Begins with nothing told. */
export function createAnnotationNotices(): AnnotationNotices {
  /** By Service: whom it was told of, and what. */
  const told = new Map<ServiceKey, string>();
  return {
    about(facts) {
      const notices = noticesOf(facts);
      const text = [facts.uid, ...notices.map(({ message }) => message)].join("\n");
      if (notices.length === 0 || told.get(facts.key) === text) return [];
      told.set(facts.key, text);
      return notices;
    },
    forget: (key) => void told.delete(key),
  };
}

function noticesOf({ deprecated = [], warnings }: ServiceFacts): Notice[] {
  const notices: Notice[] = [];
  if (warnings.length > 0) {
    notices.push({ reason: EVENT.annotationIgnored, message: warnings.join("; ") });
  }
  if (deprecated.length > 0) {
    const [newer, older] = ANNOTATION_PREFIXES;
    const names = deprecated.map((name) => `${older}${name}`).join(", ");
    const better = deprecated.map((name) => `${newer}${name}`).join(", ");
    const are = deprecated.length === 1 ? "is" : "are";
    const message = `${names} ${are} deprecated; write ${better}`;
    notices.push({ reason: EVENT.deprecatedAnnotation, message });
  }
  return notices;
}
