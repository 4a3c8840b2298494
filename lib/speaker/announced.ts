import { type Protocol, PROTOCOLS } from "../config/types.ts";
import type { Ip } from "../net/ip.ts";
import { type AddressPlan, reasonOf } from "./plan.ts";

/** What this node does in this moment, whatever was planned. */
export interface Wire {
  /** Why layer 2 does not work at all; undefined when it does. */
  readonly layer2Problem: string | undefined;
  /** Why ARP and NDP for an address of this node get no answer from it; undefined when they do. */
  unanswered(ip: Ip): string | undefined;
  /**
   * The fellow that answers for an address, as its claim told, or until another claims it; else the
   * one planned, where it would not tell; undefined: nobody.
   */
  answersElsewhere(ip: Ip, planned: string | undefined): string | undefined;
  /** This node, where an address is another's by the plan and answered here until that one does. */
  lingers(ip: Ip): string | undefined;
  /** Whether a BGP peer with an established session was told a route of the address. */
  isTold(ip: Ip): boolean;
  /** Each route of the address and each peer, and whether it was told, one sentence each. */
  routesOf(ip: Ip): readonly string[];
}

/** What of a plan is on the wire. */
export interface Announced {
  /** The ways in which this node announces the address; none when it does not. */
  readonly by: readonly Protocol[];
  /** The node that answers for it by layer 2, as far as this one knows; undefined: none. */
  readonly owner: string | undefined;
  /** Why it cannot do what only it is to do; undefined when it can. */
  readonly failure: string | undefined;
  /** Why the address is announced here, or why not. */
  readonly reason: string;
}

/**
 * Decides whether an address is announced here: a plan alone is a wish. Status, events, log and
 * metrics all tell what this says.
 */
export function announcedNow(
  { announce: { layer2, bgp }, ip, reason }: Pick<AddressPlan, "announce" | "ip" | "reason">,
  wire: Wire,
): Announced {
  const self = layer2?.here === false ? wire.lingers(ip) : undefined;
  const faults = {
    layer2: layer2?.here ? wire.unanswered(ip) : undefined,
    bgp: bgp?.here && !wire.isTold(ip) ? untoldText(wire.routesOf(ip)) : undefined,
  };
  const seen = {
    layer2: layer2 && {
      reason: self === undefined
        ? faults.layer2 ?? layer2.reason
        : `answers until ${layer2.owner ?? "another"} does: ${layer2.reason}`,
    },
    bgp: bgp && { reason: faults.bgp ?? bgp.reason },
  };
  const here = { layer2: layer2?.here || self !== undefined, bgp: bgp?.here };
  return {
    by: PROTOCOLS.filter((protocol) => here[protocol] && faults[protocol] === undefined),
    owner: self ?? ownerOf(layer2, faults.layer2, ip, wire),
    failure: layer2?.here ? wire.layer2Problem : undefined,
    reason: reasonOf(seen) ?? reason,
  };
}

/** What this node answers for is its own; of all else the others tell. */
function ownerOf(
  layer2: AddressPlan["announce"]["layer2"],
  fault: string | undefined,
  ip: Ip,
  wire: Wire,
): string | undefined {
  if (layer2 === undefined) return undefined;
  const { here, owner } = layer2;
  if (here && fault === undefined) return owner;
  return wire.answersElsewhere(ip, here ? undefined : owner);
}

/** Why an address whose routes go out here is on no wire. */
function untoldText(routes: readonly string[]): string {
  return `no BGP peer is told: ${routes.join("; ") || "no peer is for this node"}`;
}
