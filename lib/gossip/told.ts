import type { GossipMessage, NodeState } from "./message.ts";
import { type GossipState, type Member, OWN_VSN } from "./state.ts";

/** All states that a push/pull carries, this node's own first. */
export function localStates(state: GossipState): NodeState[] {
  const { self, meta, incarnation } = state;
  const own: NodeState = {
    name: self.name,
    address: self.address,
    port: self.port,
    meta,
    incarnation,
    state: state.leaving ? "left" : "alive",
    vsn: OWN_VSN,
  };
  return [own, ...[...state.members.values()].map(stateOf)];
}

function stateOf({ name, address, port, meta, incarnation, state, vsn }: Member): NodeState {
  return { name, address, port, meta, incarnation, state, vsn };
}

/** This node's own alive message. */
export function ownAlive({ self, meta, incarnation }: GossipState): GossipMessage {
  return {
    kind: "alive",
    node: self.name,
    address: self.address,
    port: self.port,
    meta,
    incarnation,
    vsn: OWN_VSN,
  };
}

/** A ping's answer of a node that cannot answer for its addresses; every other says nothing. */
const UNFIT = Uint8Array.of(0);

/** What this node's answers to pings carry. */
export function ackPayload({ unfit }: GossipState): Uint8Array {
  return unfit ? UNFIT : new Uint8Array();
}

/** Whether the answer to a ping says that its node cannot answer for its addresses. */
export function saysUnfit(payload: Uint8Array): boolean {
  return payload.length > 0 && payload[0] === UNFIT[0];
}
