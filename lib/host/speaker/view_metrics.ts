import type { SpeakerMetrics } from "../metrics/speaker.ts";
import type { Facts } from "./facts.ts";
import type { Fellows } from "./fellows.ts";
import type { SpeakerPlans } from "./plans.ts";
import { SILENT_REASONS } from "../../speaker/plan.ts";

interface ViewParts {
  readonly facts: Pick<Facts, "nodes" | "pods" | "readyPods">;
  readonly fellows: Pick<Fellows, "live">;
  readonly plans: Pick<SpeakerPlans, "plans">;
}

/** Brings up to date what this speaker sees of the others and of addresses that nobody announces. */
export function showView({ facts, fellows, plans }: ViewParts, metrics: SpeakerMetrics): void {
  const expected = expectedSpeakers(facts);
  const live = fellows.live(facts.readyPods()) ?? expected;
  metrics.expected.set(expected.size);
  metrics.live.set([...expected].filter((node) => live.has(node)).length);
  // Each reason stands there from the start: what first appears with a value has no rise.
  const counts = new Map(SILENT_REASONS.map((reason) => [reason, 0]));
  for (const { silent } of plans.plans.values()) {
    if (silent !== undefined) counts.set(silent, (counts.get(silent) ?? 0) + 1);
  }
  for (const [reason, count] of counts) metrics.withoutOwner.set({ reason }, count);
}

/** A DaemonSet makes a pod for each node that is to have a speaker, and it may never become ready. */
function expectedSpeakers({ nodes, pods }: ViewParts["facts"]): ReadonlySet<string> {
  const known = pods();
  if (known === undefined || known.size === 0) return new Set(nodes().keys());
  return new Set(
    [...known.values()].map(({ nodeName }) => nodeName).filter((name) => name !== undefined),
  );
}
