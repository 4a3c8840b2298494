import { LABEL } from "../model/names.ts";
import { type Offer, withoutLabel } from "./candidates.ts";
import type { Candidate, SpeakerView } from "./view.ts";

const EVERYWHERE = `every node is labelled ${LABEL.excludeNode}, which would leave none to ` +
  "announce from, so each counts: take the label from the nodes that shall, or start the speakers " +
  "with --ignore-exclude-lb";
const BARRED = `not announced: every node that could is labelled ${LABEL.excludeNode}; take the ` +
  "label from one of them, or start the speakers with --ignore-exclude-lb";

/**
 * What the label that excludes nodes does to an address, where a person should know. Only one node
 * tells it: the first of the election, or by name the first of those that the label keeps out.
 */
export function labelNotice(
  first: string | undefined,
  candidates: readonly Candidate[],
  offer: Offer,
  view: SpeakerView,
): string | undefined {
  if (view.judgement.excludes === false || offer.served.length === 0) return undefined;
  if (view.judgement.excludes === "everywhere") return first === view.self ? EVERYWHERE : undefined;
  if (first !== undefined) return undefined;
  let teller: string | undefined;
  // Not by the election: to rank all nodes for thousands of silent addresses would take seconds.
  for (const { node, eligible } of withoutLabel(candidates, offer, view)) {
    if (eligible && (teller === undefined || node < teller)) teller = node;
  }
  return teller === view.self ? BARRED : undefined;
}
