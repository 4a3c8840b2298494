import type { Judge } from "./judgement.ts";
import type { ElectionRule } from "./view.ts";

/** By what a speaker decides who owns an address; all must decide by the same. */
export interface Rules {
  readonly election: ElectionRule;
  readonly judge: Judge;
  readonly ignoreExcludeLabel: boolean;
}

/** The rules as people read them and speakers compare them. */
export function rulesText({ election, ignoreExcludeLabel, judge }: Rules): string {
  const whose = judge === "Herald" ? "Herald's own" : `MetalLB ${judge}'s`;
  const label = ignoreExcludeLabel ? ", exclude label ignored" : "";
  return `election of ${election}, nodes by ${whose} rules${label}`;
}
