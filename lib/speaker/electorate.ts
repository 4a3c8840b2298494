import type { Protocol } from "../config/types.ts";
import { isSelected, judge, needsEndpoint, type Offer, refusalOf } from "./candidates.ts";
import { rankCandidates } from "./election.ts";
import { createForemost, type Foremost } from "./foremost.ts";
import type { Candidate, SpeakerView } from "./view.ts";

/** What many plans of one speaker have in common, kept from one view to the next. */
interface Elections {
  /** For plans that are all made from one view. */
  open(): Electorate;
  /** The address of this salt is gone. */
  forget(salt: string): void;
}

/** The nodes of one view, judged once for all addresses. */
export interface Electorate {
  /**
   * Of the candidates that `judgeNodes` gives for `view`, only the one that comes first in the
   * election and this node itself, in that order; undefined where all of them have to be asked.
   * `view` is the one that the electorate was made for, or what BGP sees of it.
   */
  shortList(
    offer: Offer,
    view: SpeakerView,
    protocol: Protocol,
    salt: string,
  ): readonly Candidate[] | undefined;
}

/** Nodes that can be elected wherever no endpoint is needed on them. */
interface Open {
  /** The node is Ready; without any such the others count. */
  readonly ready: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
}

/** The nodes of one protocol, and those of them that a list of advertisements selects. */
interface Judged extends Open {
  readonly selected: Map<Offer["advertisements"], Open>;
}

/** Begins with nothing remembered. */
export function createElections(): Elections {
  // By BGP other speakers need not live: other nodes come first.
  const foremost = { layer2: createForemost(), bgp: createForemost() };
  return {
    open() {
      const judged = new Map<Protocol, Judged>();
      return {
        shortList(offer, view, protocol, salt) {
          if (view.nodes.size === 0 || offer.ownAddressOf !== undefined) return undefined;
          if (offer.cutOffFrom !== undefined) return undefined;
          const open = judged.get(protocol) ?? { ...openNodes(view), selected: new Map() };
          judged.set(protocol, open);
          const chosen = selectedOf(open, offer, view);
          return electFrom(open, chosen, offer, view, salt, foremost[protocol]);
        },
      };
    },
    forget(salt) {
      foremost.layer2.forget(salt);
      foremost.bgp.forget(salt);
    },
  };
}

function openNodes(view: SpeakerView): Open {
  const names = [...view.nodes.keys()];
  const judged = (needsReady: boolean) =>
    new Set(names.filter((node) => refusalOf(node, view, needsReady) === undefined));
  return { ready: judged(true), all: judged(false) };
}

function selectedOf(open: Judged, { advertisements }: Offer, view: SpeakerView): Open {
  if (advertisements.some(({ nodeSelectors }) => nodeSelectors.length === 0)) return open;
  const known = open.selected.get(advertisements);
  if (known !== undefined) return known;
  const those = (nodes: ReadonlySet<string>) =>
    new Set([...nodes].filter((node) => isSelected(node, advertisements, view)));
  const selected = { ready: those(open.ready), all: those(open.all) };
  open.selected.set(advertisements, selected);
  return selected;
}

function electFrom(
  open: Open,
  selected: Open,
  offer: Offer,
  view: SpeakerView,
  salt: string,
  foremost: Foremost,
): readonly Candidate[] | undefined {
  const { served } = offer;
  const anywhere = served.some(({ facts }) => !needsEndpoint(facts, view));
  for (const [which, needsReady] of [["ready", true], ["all", false]] as const) {
    const nodes = selected[which];
    const first = anywhere
      ? foremost.of(salt, open[which], nodes)
      : rankCandidates(served.flatMap(({ on }) => [...on]).filter((on) => nodes.has(on)), salt)[0];
    if (first === undefined) continue;
    const { self } = view;
    const own = first === self || !view.nodes.has(self)
      ? []
      : [judge(self, offer, view, needsReady)];
    return [{ node: first, eligible: true }, ...own];
  }
  return undefined;
}
