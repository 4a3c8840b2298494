import type { Instant } from "../base/time.ts";
import type { Ip } from "../net/ip.ts";

/** What the election says of an address that this node may have to do with. */
export interface Wish {
  readonly ip: Ip;
  /** The text by which the election ranks; two nodes that disagree are ranked by it. */
  readonly salt: string;
  /** This node is the owner. */
  readonly own: boolean;
  /** The node that is, this one or another; undefined when none is. */
  readonly owner: string | undefined;
  /** This node may answer a little longer, until the new owner does: it can still serve. */
  readonly canLinger: boolean;
}

export type OwnershipEvent =
  /** What changed of the plan; an address that has no Service any more has neither owner nor own. */
  | { readonly kind: "wishes"; readonly wishes: readonly Wish[] }
  | { readonly kind: "claim"; readonly from: string; readonly ips: readonly Ip[] }
  | { readonly kind: "release"; readonly from: string; readonly ips: readonly Ip[] }
  /** Speakers that this node can talk to now; a claim of others would never come. */
  | { readonly kind: "fellows"; readonly names: ReadonlySet<string> }
  /** A fellow is heard again that was missed: it may have announced what is ours, and we not heard it. */
  | { readonly kind: "returned" }
  /** Speakers, maybe this one, that see less than others: these come first. */
  | { readonly kind: "stale"; readonly names: ReadonlySet<string> }
  /** This node ends: it answers until its addresses are claimed, and wants none any more. */
  | { readonly kind: "leave" }
  | { readonly kind: "tick" };

export type OwnershipAction =
  /**
   * All that this node answers for from now on; those that are quiet it does not announce, those
   * resumed were nobody's since it last answered.
   */
  | {
    readonly kind: "answer";
    readonly ips: readonly Ip[];
    readonly quiet: readonly Ip[];
    readonly resumed?: readonly Ip[];
  }
  | { readonly kind: "claim"; readonly ips: readonly Ip[] }
  | { readonly kind: "release"; readonly ips: readonly Ip[] }
  /** Another node announced it as well: neighbours may have been misled. */
  | { readonly kind: "announce-again"; readonly ips: readonly Ip[] };

export interface Held {
  wish: Wish;
  /** Since then it is this node's by the election. */
  since: Instant;
  /** This node is silent in favour of a fellow that claims it and comes first. */
  yielded: Yielded | undefined;
  /** Not ours any more, and still answered until then or until another node claims it. */
  lingersUntil: Instant | undefined;
  /** When a fellow's claim was last answered by one. */
  counteredAt: Instant;
  /** Then one that was not answered is. */
  counterDue: Instant | undefined;
  /** Neighbours were last told so because a fellow said otherwise. */
  againAt: Instant;
  /** Then they are told once more: what a fellow announced meanwhile is put right. */
  againDue: Instant | undefined;
  /** A fellow gave it up then, and neighbours have not been told since. */
  givenUpAt: Instant | undefined;
  /** Then neighbours are told so for a fellow that came back, unless its claim is heard before. */
  returnedDue: Instant | undefined;
  /** Nobody's since this node answered it: until then neighbours need not be told anew. */
  restsUntil: Instant | undefined;
}

interface Yielded {
  readonly to: string;
  /** The fellow is asked again, by a claim, whether it still answers … */
  askAt: Instant;
  /** … and without an answer until then this node takes the address. */
  until: Instant;
  asked: boolean;
}

/** Which addresses this node answers for; only {@link step} touches it. */
export interface OwnershipState {
  readonly self: string;
  /** Whether the first node comes before the second for a salt. */
  readonly precedes: (one: string, other: string, salt: string) => boolean;
  readonly held: Map<Ip, Held>;
  /** Announced by this node once, owned by another, and not claimed by it since as far as was heard. */
  readonly unclaimed: Set<Ip>;
  fellows: ReadonlySet<string>;
  stale: ReadonlySet<string>;
}

/** Begins with nothing held. */
export function createOwnership(
  self: string,
  precedes: OwnershipState["precedes"],
): OwnershipState {
  return {
    self,
    precedes,
    held: new Map(),
    unclaimed: new Set(),
    fellows: new Set(),
    stale: new Set(),
  };
}

/** Whether the first node keeps an address that both claim: who sees newer things, then the election. */
export function keepsFrom(
  { precedes, stale }: OwnershipState,
  one: string,
  other: string,
  salt: string,
): boolean {
  const isStale = stale.has(one);
  return isStale === stale.has(other) ? precedes(one, other, salt) : !isStale;
}
