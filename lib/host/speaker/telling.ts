import { after, type Instant, instant, type Millis } from "../../base/time.ts";
import type { Ip } from "../../net/ip.ts";
import { announcedNow, type Wire } from "../../speaker/announced.ts";
import type { Clock } from "../process/clock.ts";
import type { Announcements } from "./announcements.ts";
import type { KeptPlan, PlanChanges } from "./plans.ts";

/** So many addresses are looked at at once … */
export const SLICE = 100;
/** … and others only after so long: an event or a line of each takes longer than its decision. */
const EVERY_MS: Millis = 5;

/**
 * Tells what is announced, which is not always what the plans say, in slices: a thousand addresses
 * that change hands at once must not hold up the beats, claims and probes of that moment.
 */
export interface Telling {
  /** These plans are new, different or over: they come first. */
  planned(changes: PlanChanges): void;
  /** What is on the wire may be another than was last told, of any address. */
  wireChanged(): void;
  /** Tells some of it; gives when the rest may follow, undefined when all is told. */
  tell(): Instant | undefined;
}

interface TellingOptions {
  readonly clock: Clock;
  readonly plans: { readonly plans: ReadonlyMap<Ip, KeptPlan> };
  readonly announcements: Announcements;
  /** What is on the wire now. */
  readonly wire: () => Wire;
}

/** Begins with nothing to tell. */
export function createTelling({ announcements, clock, plans, wire }: TellingOptions): Telling {
  const changed = new Set<Ip>();
  const unsure = new Set<Ip>();
  let [left, refillAt] = [SLICE, instant(-Infinity)];

  function tellSlice(): void {
    const now = clock.now();
    if (now >= refillAt) [left, refillAt] = [SLICE, after(now, EVERY_MS)];
    if (left === 0) return;
    const current = wire();
    for (const queue of [changed, unsure]) {
      for (const ip of queue) {
        if (left === 0) return;
        left--;
        changed.delete(ip);
        unsure.delete(ip);
        // One that is gone meanwhile was forgotten.
        const plan = plans.plans.get(ip);
        if (plan !== undefined) announcements.report(plan, announcedNow(plan, current));
      }
    }
  }

  return {
    planned({ changed: different, gone }) {
      for (const { ip } of different) changed.add(ip);
      gone.forEach(announcements.forget);
    },
    wireChanged() {
      for (const ip of plans.plans.keys()) unsure.add(ip);
    },
    tell() {
      const isPlanned = changed.size > 0;
      if (isPlanned || unsure.size > 0) tellSlice();
      const isOver = changed.size === 0 && unsure.size === 0;
      // What is unsure may be so again and again: lines of plans do not wait for it.
      if (isOver || isPlanned && changed.size === 0) announcements.tell();
      return isOver ? undefined : refillAt;
    },
  };
}
