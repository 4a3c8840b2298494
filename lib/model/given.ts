import type { ServiceFacts } from "./facts.ts";

/**
 * The facts with what the status showed before another wrote over it, where the reading before tells
 * so: nothing else in the cluster does. Who leads meanwhile, or takes over, gives the Service that
 * again, and in the meantime nobody else gets it.
 */
export function withGiven(facts: ServiceFacts, before: ServiceFacts | undefined): ServiceFacts {
  if (facts.overwritten !== true || before?.uid !== facts.uid) return facts;
  const given = before.overwritten === true ? before.given : before.assigned;
  return given === undefined || given.length === 0 ? facts : { ...facts, given };
}
