import { rankCandidates } from "./election.ts";
import { electionHash } from "./election_hash.ts";

/**
 * Names the first of the election as `rankCandidates` does, and remembers for each address which
 * would follow: a node that goes or comes back costs ten thousand addresses some milliseconds, not
 * one hash for each address and node.
 */
export interface Foremost {
  /**
   * The one of `nodes` that owns the address of this salt, or of those among them that are
   * `selected`; undefined when there is none.
   */
  of(
    salt: string,
    nodes: ReadonlySet<string>,
    selected?: ReadonlySet<string>,
  ): string | undefined;
  /** The address is gone. */
  forget(salt: string): void;
}

/** The first few of all `known` nodes in one election, and how many of those were looked at. */
interface Head {
  readonly nodes: string[];
  readonly hashes: number[];
  seen: number;
}

/** So many nodes may be out of the election before an address is ranked anew. */
const HEAD = 8;

/** Remembers nothing yet. */
export function createForemost(): Foremost {
  const heads = new Map<string, Head>();
  // In the order they came. One that is gone stays for a while: it does no harm.
  let known: string[] = [];
  let isKnown = new Set<string>();
  let looked: ReadonlySet<string> | undefined;

  function learn(nodes: ReadonlySet<string>): void {
    if (nodes === looked) return;
    looked = nodes;
    if (known.length > 2 * nodes.size + HEAD) {
      known = [];
      isKnown = new Set();
      heads.clear();
    }
    for (const node of nodes) {
      if (isKnown.has(node)) continue;
      isKnown.add(node);
      known.push(node);
    }
  }

  function headOf(salt: string): Head {
    const head = heads.get(salt) ?? { nodes: [], hashes: [], seen: 0 };
    heads.set(salt, head);
    for (; head.seen < known.length; head.seen++) enter(head, known[head.seen] ?? "", salt);
    return head;
  }

  return {
    of(salt, nodes, selected = nodes) {
      learn(nodes);
      return headOf(salt).nodes.find((node) => selected.has(node)) ??
        rankCandidates(selected, salt)[0];
    },
    forget: (salt) => void heads.delete(salt),
  };
}

function enter({ nodes, hashes }: Head, node: string, salt: string): void {
  const hash = electionHash(node, salt);
  let place = hashes.length;
  while (place > 0 && hash < (hashes[place - 1] ?? 0)) place--;
  if (place >= HEAD) return;
  nodes.splice(place, 0, node);
  hashes.splice(place, 0, hash);
  if (nodes.length > HEAD) {
    nodes.pop();
    hashes.pop();
  }
}
