import type { Ip } from "../net/ip.ts";
import { isAnswered } from "./ownership.ts";
import type { OwnershipState } from "./ownership_state.ts";

/** This node, where it still answers for an address that is not its own by the plan any more. */
export function lingers({ held, self }: OwnershipState, ip: Ip): string | undefined {
  return held.get(ip)?.lingersUntil === undefined ? undefined : self;
}

/** Why this node does not answer for an address that is its own by the plan; undefined when it does. */
export function silence(state: OwnershipState, ip: Ip): string | undefined {
  const held = state.held.get(ip);
  if (held !== undefined && isAnswered(held)) return undefined;
  return held?.yielded === undefined
    ? "this node does not claim it now"
    : `yields to ${held.yielded.to}, which claims it too and ${
      state.stale.has(state.self) && !state.stale.has(held.yielded.to)
        ? "sees newer things of the cluster"
        : "comes first in the election"
    }`;
}
