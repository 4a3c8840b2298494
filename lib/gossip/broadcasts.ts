import type { GossipMessage } from "./message.ts";
import type { GossipState } from "./state.ts";

const RETRANSMIT_FACTOR = 4;
/** Octets of a datagram for news, less what encryption and the layers need. */
export const PACKET_BUDGET = 1_400 - 64;

/** Passes news on; it takes the place of older news about the same node. */
export function broadcast(state: GossipState, node: string, message: GossipMessage): void {
  state.broadcasts.delete(node);
  state.broadcasts.set(node, { node, message, sent: 0 });
}

/** How often a piece of news is sent in all, so that it reaches everybody (SWIM §4.1). */
export function transmitLimit(members: number): number {
  return RETRANSMIT_FACTOR * Math.ceil(Math.log10(members + 1));
}

/**
 * Takes the news for one packet of at most so many octets, least sent first, and counts it;
 * `sizeOf` is the encoded size of a message.
 */
export function takeBroadcasts(
  state: GossipState,
  budget: number,
  sizeOf: (message: GossipMessage) => number,
): GossipMessage[] {
  if (state.broadcasts.size === 0) return [];
  const limit = transmitLimit(state.members.size + 1);
  const taken: GossipMessage[] = [];
  let room = budget;
  for (const one of [...state.broadcasts.values()].sort((a, b) => a.sent - b.sent)) {
    const size = sizeOf(one.message) + 2;
    if (size > room || taken.length === 255) continue;
    room -= size;
    taken.push(one.message);
    one.sent++;
    if (one.sent >= limit) state.broadcasts.delete(one.node);
  }
  return taken;
}
