import { labelsOf } from "../../speaker/candidates.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import type { Bgp } from "../linux/bgp/bgp.ts";
import type { PlanChanges } from "./plans.ts";

/** A protocol by which this node's addresses are announced. */
export interface Announcer {
  /** Brings what is announced in line with the plans, of which these changed. */
  update(view: SpeakerView, changes: PlanChanges): void;
}

/** BGP as an announcer: it tells this node's peers the routes of the addresses. */
export function bgpAnnouncer(bgp: Pick<Bgp, "update">): Announcer {
  return {
    update({ config, nodes, self }, { changed, gone }) {
      bgp.update(config, labelsOf(nodes, self), [
        ...gone.map(({ ip }) => [ip, []] as const),
        ...changed.map(({ ip, announce }) => [ip, announce.bgp?.routes ?? []] as const),
      ]);
    },
  };
}
