import { areForAll, forServices } from "../config/advertised.ts";
import type { Advertisement, Protocol } from "../config/types.ts";
import type { ServiceFacts } from "../model/facts.ts";
import type { Ip } from "../net/ip.ts";
import { cutOffFrom, hindranceOf, judgeNodes, type Offer, type Served } from "./candidates.ts";
import { rankCandidates } from "./election.ts";
import type { Electorate } from "./electorate.ts";
import { labelNotice } from "./label_notice.ts";
import type { Candidate, SpeakerView } from "./view.ts";

/** What both ways of announcing an address are decided by. */
export interface Asked {
  readonly ip: Ip;
  readonly ours: readonly ServiceFacts[];
  /** Those of the Services that have a ready endpoint. */
  readonly served: readonly Served[];
  readonly salt: string;
  readonly view: SpeakerView;
  readonly electorate: Electorate | undefined;
}

/** Who may announce an address in one way, and who comes first. */
export interface Election<A extends Advertisement> extends Offer {
  readonly advertisements: readonly A[];
  readonly candidates: readonly Candidate[];
  /** The first of the eligible ones. */
  readonly first: string | undefined;
  readonly notice: string | undefined;
}

/** Ranks the nodes for one way of announcing; undefined where no advertisement is for the address. */
export function elect<A extends Advertisement>(
  { ip, ours, served: all, salt, electorate }: Asked,
  offered: readonly A[],
  protocol: Protocol,
  view: SpeakerView,
): Election<A> | undefined {
  if (forServices(offered, ours).length === 0) return undefined;
  const counting = areForAll(offered)
    ? { served: all, advertisements: offered }
    : offerOf(all, offered);
  const offer = {
    ...counting,
    ownAddressOf: view.nodeAddresses.get(ip),
    cutOffFrom: cutOffFrom(ip, view),
  };
  if (offer.served.length === 0) {
    return { ...offer, candidates: [], first: undefined, notice: undefined };
  }
  const candidates = electorate?.shortList(offer, view, protocol, salt) ??
    rank(judgeNodes(offer, view), salt);
  const first = candidates.find(({ eligible }) => eligible)?.node;
  const notice = labelNotice(first, candidates, offer, view);
  return { ...offer, candidates, first, notice };
}

/** Those of the Services that any of the advertisements counts for, and the other way round. */
function offerOf<A extends Advertisement>(all: readonly Served[], offered: readonly A[]) {
  const served = all.filter(({ facts }) => forServices(offered, [facts]).length > 0);
  return { served, advertisements: forServices(offered, served.map(({ facts }) => facts)) };
}

/**
 * An address that none of those claims who come before this node: what they do not want falls to the
 * next. Where all others leave it, and this node's view is stale, they know that it can serve.
 */
export function electUnclaimed<A extends Advertisement>(
  asked: Asked,
  all: readonly A[],
): Election<A> | undefined {
  const { view } = asked;
  const how = view.unclaimed?.get(asked.ip);
  if (how === undefined) return undefined;
  const live = view.liveSpeakers ?? new Set();
  const liveSpeakers = how === "kept"
    ? live.intersection(new Set([view.self]))
    : live.difference(how);
  const election = elect({ ...asked, electorate: undefined }, all, "layer2", {
    ...view,
    liveSpeakers,
  });
  if (election?.first === view.self) return election;
  if (election === undefined || election.served.length === 0) return undefined;
  const isLast = liveSpeakers.size === 1 && liveSpeakers.has(view.self);
  const mayServe = view.staleSpeakers.has(view.self) &&
    hindranceOf(view.self, election, view) === undefined;
  return isLast && mayServe ? { ...election, first: view.self } : undefined;
}

function rank(verdicts: readonly Candidate[], salt: string): Candidate[] {
  const eligible = verdicts.filter((one) => one.eligible);
  const order = rankCandidates(eligible.map(({ node }) => node), salt);
  const others = verdicts.filter((one) => !one.eligible).sort((a, b) => a.node < b.node ? -1 : 1);
  return [...order.map((node) => ({ node, eligible: true })), ...others];
}
