import type { Instant, Millis } from "../../base/time.ts";
import {
  createViewAge,
  givesWay,
  nextAge,
  onAge,
  standsBack,
  type ViewAge,
} from "../../speaker/view_age.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { Facts } from "./facts.ts";
import type { Fellows } from "./fellows.ts";

interface AgeParts {
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly facts: Pick<Facts, "heardAt">;
  readonly fellows: Pick<Fellows, "othersCurrent" | "setView" | "stale">;
}

/** Who sees less than others at this moment. */
interface Ages {
  /** Others that can serve come before them. */
  readonly stale: ReadonlySet<string>;
  /** They fall silent where others claim. */
  readonly givingWay: ReadonlySet<string>;
  /** When to look again. */
  readonly next: Instant;
}

/** Compares how current this node's view of the cluster is with the others', and tells them. */
export function createAges(parts: AgeParts): { look(): Ages } {
  const { clock, facts, fellows, nodeName } = parts;
  const age = createViewAge();
  return {
    look() {
      const now = clock.now();
      const heardAt = facts.heardAt();
      const othersCurrent = fellows.othersCurrent();
      if (onAge(age, { heardAt, othersCurrent }, now)) tell(parts, age, now - heardAt);
      // Also to those that this node has joined only now.
      fellows.setView(age.state);
      const others = fellows.stale();
      const withSelf = (is: boolean) => new Set(is ? [...others, nodeName] : others);
      return {
        stale: withSelf(standsBack(age, now)),
        givingWay: withSelf(givesWay(age, now)),
        next: nextAge(age, heardAt, now),
      };
    },
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
