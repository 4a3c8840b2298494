import { LABEL } from "../model/names.ts";
import { type Offer, withoutLabel } from "./candidates.ts";
import { rankCandidates } from "./election.ts";
import type { Candidate, SpeakerView } from "./view.ts";

const EVERYWHERE = `every node is labelled ${LABEL.excludeNode}, which would leave none to ` +
  "announce from, so each counts: take the label from the nodes that shall, or start the speakers " +
  "with --ignore-exclude-lb";
const BARRED = `not announced: every node that could is labelled ${LABEL.excludeNode}; take the ` +
  "label from one of them, or start the speakers with --ignore-exclude-lb";

/**
 * What the label that excludes nodes does to an address, where a person should know. Only one node
 * tells it: the first of the election, or who would be.
 */
export function labelNotice(
  first: string | undefined,
  candidates: readonly Candidate[],
  offer: Offer,
  view: SpeakerView,
  salt: string,
): string | undefined {
  if (view.judgement.excludes === false || offer.served.length === 0) return undefined;
  if (view.judgement.excludes === "everywhere") return first === view.self ? EVERYWHERE : undefined;
  if (first !== undefined) return undefined;
  return firstOf(withoutLabel(candidates, offer, view), salt) === view.self ? BARRED : undefined;
}

function firstOf(candidates: readonly Candidate[], salt: string): string | undefined {
  const eligible = candidates.filter((one) => one.eligible).map(({ node }) => node);
  return rankCandidates(eligible, salt)[0];
}
