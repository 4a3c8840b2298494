import type { Candidate, SpeakerView } from "./view.ts";
import { judge, needsEndpoint, refusalOf, type Served } from "./candidates.ts";
import { rankCandidates } from "./election.ts";
import { createForemost, type Foremost } from "./foremost.ts";

/** What many plans of one speaker have in common, kept from one view to the next. */
export interface Elections {
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
    served: readonly Served[],
    view: SpeakerView,
    byBgp: boolean,
    salt: string,
  ): readonly Candidate[] | undefined;
}

/** Nodes that can be elected wherever no endpoint is needed on them. */
interface Open {
  /** The node is Ready; without any such the others count. */
  readonly ready: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
}

/** Begins with nothing remembered. */
export function createElections(): Elections {
  // By BGP other speakers need not live: other nodes come first.
  const foremost = { layer2: createForemost(), bgp: createForemost() };
  return {
    open() {
      const open = new Map<boolean, Open>();
      return {
        shortList(served, view, byBgp, salt) {
          if (view.nodes.size === 0) return undefined;
          const nodes = open.get(byBgp) ?? openNodes(view);
          open.set(byBgp, nodes);
          const remembered = byBgp ? foremost.bgp : foremost.layer2;
          return electFrom(nodes, served, view, salt, remembered);
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

function electFrom(
  open: Open,
  served: readonly Served[],
  view: SpeakerView,
  salt: string,
  foremost: Foremost,
): readonly Candidate[] | undefined {
  const anywhere = served.some(({ facts }) => !needsEndpoint(facts, view));
  for (const [nodes, needsReady] of [[open.ready, true], [open.all, false]] as const) {
    const first = anywhere
      ? foremost.of(salt, nodes)
      : rankCandidates(served.flatMap(({ on }) => [...on]).filter((on) => nodes.has(on)), salt)[0];
    if (first === undefined) continue;
    const { self } = view;
    const own = first === self || !view.nodes.has(self)
      ? []
      : [judge(self, served, view, needsReady)];
    return [{ node: first, eligible: true }, ...own];
  }
  return undefined;
}
