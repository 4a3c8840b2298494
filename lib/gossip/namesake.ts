import { after, type Instant, type Millis } from "../base/time.ts";
import { compareIp } from "../net/ip.ts";
import { readAnnouncement } from "./meta.ts";
import { type Endpoint, type GossipAction, type GossipState, isPresent } from "./state.ts";

/** A name is free for another address when its member has been dead so long (memberlist: GossipToTheDeadTime). */
export const FREE_MS: Millis = 30_000;
/** A rival that nobody has spoken of for so long is none any more … */
const RIVAL_MS: Millis = 5_000;
/** … and while there is one, others are asked for it so often. */
const ASK_MS: Millis = 1_000;

/** One that has a name: where it is, and what it tells of itself. */
interface Claimant extends Endpoint {
  readonly meta: Uint8Array;
}

/**
 * Of two that have one name, whether the first keeps it: the one that runs longer, then the one
 * with the lower address. All members decide alike, whichever they heard of first, so exactly one
 * stays. Those that do not tell their age are MetalLB's, and stay.
 */
export function keepsName(one: Claimant, other: Claimant): boolean {
  const age = sinceMs(one) - sinceMs(other);
  if (age !== 0) return age < 0;
  return (compareIp(one.address, other.address) || one.port - other.port) < 0;
}

function sinceMs({ meta }: Claimant): number {
  return readAnnouncement(meta)?.sinceMs ?? 0;
}

/** Others know this node's name at another address, and hold to that: they refuse this node. */
export function onRefused(
  state: GossipState,
  other: Endpoint,
  isDead: boolean,
  now: Instant,
): void {
  const { rival } = state;
  const askAt = rival?.askAt ?? after(now, ASK_MS);
  const { address, port } = other;
  state.rival = { address, port, isDead, until: after(now, RIVAL_MS), askAt };
}

/** At each step: asks a member whether this node is still refused, and believes silence after a while. */
export function endRivalry(
  state: GossipState,
  now: Instant,
  pick: <T>(from: readonly T[]) => T | undefined,
  actions: GossipAction[],
): void {
  const { rival } = state;
  if (rival === undefined) return;
  if (now >= rival.until) {
    state.rival = undefined;
    actions.push({ kind: "rival", other: undefined });
    return;
  }
  if (now < rival.askAt) return;
  rival.askAt = after(now, ASK_MS);
  const to = pick([...state.members.values()].filter(isPresent));
  if (to !== undefined) actions.push({ kind: "push-pull", to, join: false });
}
