import type { Millis } from "../../base/time.ts";
import type { KubeFailure } from "./transport.ts";

/** Where a reflector is in its reading of one kind of objects. */
export interface Reading {
  readonly doing: Doing;
  /** How many tries have failed in a row. */
  readonly failures: number;
  /** How many lists are left until a watch that was forbidden is tried again. */
  readonly polls: number;
  /** How many watches in a row were forbidden. */
  readonly refusals: number;
  /** How many watches in a row ended soon after they had brought something. */
  readonly hasties: number;
}

type Doing =
  | { readonly kind: "listing" }
  /** A list was suddenly empty: list again before that is believed. */
  | { readonly kind: "doubting" }
  /** `from`: the version that is known. */
  | { readonly kind: "watching"; readonly from: string }
  /** Watching is forbidden: wait for the next list. */
  | { readonly kind: "polling" }
  | { readonly kind: "waiting"; readonly failure: KubeFailure; readonly then: Doing };

/** How a list, a watch or a wait ended. */
export type Outcome =
  | { readonly kind: "listed"; readonly version: string }
  /** The list is empty, although objects are known. */
  | { readonly kind: "empty" }
  /** The server knows the version no more: of a watch, or of a list between two pages. */
  | { readonly kind: "forgotten" }
  /** The server ended the watch in order; `failure`: what is wrong where it is not `healthy`. */
  | { readonly kind: "ended" | "failed"; readonly failure: KubeFailure } & Partial<WatchEnd>
  | { readonly kind: "stalled"; readonly reached: string }
  | { readonly kind: "forbidden"; readonly failure: KubeFailure }
  | { readonly kind: "waited" };

/** How far a watch came. */
interface WatchEnd {
  readonly reached: string;
  /** It lasted long enough to be in order. */
  readonly healthy: boolean;
}

/** So many lists pass at most before a forbidden watch is tried again: the roles may have changed. */
const POLLS_PER_WATCH = 30;
/** An API server that has just started forbids what it allows a moment later. */
const PASSING_REFUSALS = 4;
/** How often in a row a watch that ends soon is opened again without a wait. */
const HASTY_LIMIT = 5;

/** Before the first list. */
export const UNREAD: Reading = {
  doing: { kind: "listing" },
  failures: 0,
  polls: 0,
  refusals: 0,
  hasties: 0,
};

/** What to do after this outcome of what was done. */
export function nextReading(reading: Reading, outcome: Outcome): Reading {
  const { doing, hasties } = reading;
  const calm = { ...reading, failures: 0 };
  // Whatever a watch came to that was not forbidden: it was allowed.
  const allowed = doing.kind === "watching" ? { ...calm, refusals: 0 } : calm;
  switch (outcome.kind) {
    case "listed": {
      const polls = Math.max(0, reading.polls - 1);
      return polls > 0
        ? { ...calm, doing: { kind: "polling" }, polls }
        : { ...calm, doing: { kind: "watching", from: outcome.version }, polls };
    }
    case "empty":
      return { ...calm, doing: { kind: "doubting" } };
    case "forgotten":
      return { ...calm, doing: doing.kind === "doubting" ? doing : { kind: "listing" } };
    case "ended": {
      if (outcome.healthy) return { ...allowed, doing: from(doing, outcome), hasties: 0 };
      // The server also ends a watch that it thinks too slow; that one has brought something.
      const brought = doing.kind === "watching" && doing.from !== outcome.reached;
      const counted = { ...reading, refusals: 0, hasties: brought ? hasties + 1 : hasties };
      return brought && hasties < HASTY_LIMIT
        ? { ...counted, failures: 0, doing: from(doing, outcome) }
        : waitAfter(counted, outcome);
    }
    case "stalled":
      return { ...allowed, doing: from(doing, outcome) };
    case "forbidden":
      return {
        ...calm,
        doing: { kind: "polling" },
        polls: pollsAfter(reading.refusals),
        refusals: reading.refusals + 1,
      };
    case "failed":
      return waitAfter(outcome.healthy ? calm : reading, outcome);
    case "waited":
      return { ...reading, doing: doing.kind === "waiting" ? doing.then : { kind: "listing" } };
  }
}

/** The first refusals may pass: each list is followed by a watch; after them ever fewer are. */
function pollsAfter(refusals: number): number {
  return Math.min(POLLS_PER_WATCH, 2 ** Math.max(0, refusals - PASSING_REFUSALS));
}

/** How long until the next list where watching is forbidden: seconds at first, then `longestMs`. */
export function pollMs({ refusals }: Reading, longestMs: Millis): Millis {
  return longestMs / 2 ** Math.max(0, PASSING_REFUSALS - refusals);
}

/** A list at once, whatever was due: a caller waits for it. */
export function listAtOnce(reading: Reading): Reading {
  return { ...reading, doing: { kind: "listing" }, failures: 0 };
}

function waitAfter(reading: Reading, outcome: Outcome & { kind: "ended" | "failed" }): Reading {
  const then = from(reading.doing, outcome);
  const doing = { kind: "waiting", failure: outcome.failure, then } as const;
  return { ...reading, doing, failures: reading.failures + 1 };
}

/** The watch from where the last one came to; where it was none, the same again. */
function from(doing: Doing, { reached }: Partial<WatchEnd>): Doing {
  return reached === undefined ? doing : { kind: "watching", from: reached };
}
