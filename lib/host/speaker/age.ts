import type { Instant, Millis } from "../../base/time.ts";
import type { Judge } from "../../speaker/judgement.ts";
import { sameNobodys } from "../../speaker/unclaimed.ts";
import type { SpeakerView } from "../../speaker/view.ts";
import { createViewAge, nextAge, onAge, type ViewAge, whoIsStale } from "../../speaker/view_age.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { Facts } from "./facts.ts";
import type { Fellows } from "./fellows.ts";
import type { DeskHandover } from "./handover.ts";

interface AgeParts {
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly facts: Pick<Facts, "heardAt">;
  readonly fellows: Pick<Fellows, "othersCurrent" | "setView" | "stale">;
  readonly handover: Pick<DeskHandover, "nobodys" | "setStale">;
}

/** Who sees less than others at this moment, and what follows from it for the plans. */
export interface Ages {
  /** Looks; gives whether plans must be made anew, and when to look again. */
  look(judge: Judge): { readonly isNew: boolean; readonly next: Instant };
  /** As it was last seen. */
  seeing(): Required<Pick<SpeakerView, "staleSpeakers" | "unclaimed">>;
}

/** Compares how current this node's view of the cluster is with the others', and tells them. */
export function createAges(parts: AgeParts): Ages {
  const { clock, facts, fellows, handover, nodeName } = parts;
  const age = createViewAge();
  let seeing: ReturnType<Ages["seeing"]> = { staleSpeakers: new Set(), unclaimed: new Map() };
  return {
    look(judge) {
      const now = clock.now();
      const heardAt = facts.heardAt();
      const othersCurrent = fellows.othersCurrent();
      if (onAge(age, { heardAt, othersCurrent }, now)) tell(parts, age, now - heardAt);
      // Also to those that this node has joined only now.
      fellows.setView(age.state);
      // Speakers of MetalLB would still elect a node that others leave out, and they claim nothing.
      const counts = judge === "Herald";
      const staleSpeakers = counts ? whoIsStale(age, nodeName, fellows.stale()) : new Set<string>();
      handover.setStale(staleSpeakers);
      const unclaimed = counts ? handover.nobodys(staleSpeakers.has(nodeName)) : new Map();
      const before = seeing;
      seeing = { staleSpeakers, unclaimed };
      const isNew = staleSpeakers.symmetricDifference(before.staleSpeakers).size > 0 ||
        !sameNobodys(unclaimed, before.unclaimed);
      return { isNew, next: nextAge(age, heardAt, now) };
    },
    seeing: () => seeing,
  };
}

function tell({ log }: AgeParts, { state }: ViewAge, silentMs: Millis): void {
  const ms = Math.round(silentMs);
  if (state === "stale") {
    log.warn(
      { ms },
      "the API server is heard by other speakers and not here: they come first where they can serve",
    );
  } else if (state === "old") log.warn({ ms }, "the API server is not heard");
  else log.info({ ms }, "the API server is heard");
}
