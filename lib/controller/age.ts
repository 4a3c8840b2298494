import type { ServiceFacts } from "../model/facts.ts";

/**
 * Orders Services by age: earliest creation first, which Kubernetes tells in whole seconds, then by
 * namespace and name: equal requests get equal addresses on every cluster.
 */
export function compareAge(a: ServiceFacts, b: ServiceFacts): number {
  return a.createdMs - b.createdMs || compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
