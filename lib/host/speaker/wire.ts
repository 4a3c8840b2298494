import type { Wire } from "../../speaker/announced.ts";
import type { Bgp } from "../linux/bgp/bgp.ts";
import type { Layer2 } from "../linux/packet/layer2.ts";
import type { Handover } from "./handover.ts";

interface WireParts {
  readonly layer2: Pick<Layer2, "heldBack" | "interfaces" | "leftOut" | "problem">;
  readonly handover: Pick<Handover, "answersElsewhere" | "lingers" | "silence">;
  readonly bgp: Pick<Bgp, "isTold" | "routesOf">;
}

/** What layer 2 and BGP do in this moment; to be asked within the same turn of the event loop. */
export function wireOf({ layer2, handover, bgp }: WireParts): Wire {
  const problem = layer2.problem();
  const off = problem === undefined ? deaf(layer2) : `layer 2 does not work: ${problem}`;
  return {
    layer2Problem: problem,
    unanswered: (ip) => off ?? handover.silence(ip) ?? layer2.heldBack(ip),
    answersElsewhere: handover.answersElsewhere,
    lingers: (ip) => off === undefined ? handover.lingers(ip) : undefined,
    isTold: bgp.isTold,
    routesOf: bgp.routesOf,
  };
}

/** Why no question is heard at all. */
function deaf({ interfaces, leftOut }: WireParts["layer2"]): string | undefined {
  if (interfaces().length > 0) return undefined;
  const names = leftOut().join(", ");
  const why = names === "" ? "" : `; their names keep out ${names} (--interface)`;
  return `no interface answers ARP and NDP${why}`;
}
