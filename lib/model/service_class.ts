import type { ServiceFacts } from "./facts.ts";

/**
 * Rule A13: a Service of another class is never written to by the controller, nor announced by the
 * speakers; without `--lb-class` those of no class are served.
 */
export function isOurClass(
  { loadBalancerClass }: Pick<ServiceFacts, "loadBalancerClass">,
  lbClass: string | undefined,
): boolean {
  return loadBalancerClass === lbClass;
}
