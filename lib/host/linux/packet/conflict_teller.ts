import type { Millis } from "../../../base/time.ts";
import type { Conflict } from "./orders.ts";

/** Tells of conflicts as they are seen, and of those that go on once in a while. */
export interface ConflictTeller {
  seen(conflict: Conflict, now: Millis): void;
  /** Tells what was seen once more and was not told yet, when it is time to. */
  settle(now: Millis): void;
  /** How long it may be left alone. */
  waitMs(now: Millis): Millis;
}

/** A host that insists must not fill the main thread's inbox: it is told of so often … */
const TELL_EVERY_MS: Millis = 100;
/** … and so many in that time, which is more than a speaker announces in it. */
const MOST_TOLD = 256;

/**
 * Begins with nothing seen. The first frame is told at once and the last one never gets lost:
 * neighbours believe what they heard last, and whoever contradicts it must know that.
 */
export function createConflictTeller(tell: (conflict: Conflict) => void): ConflictTeller {
  const told = new Set<string>();
  const repeated = new Map<string, Conflict>();
  let since: Millis = -Infinity;

  function tellNow(key: string, conflict: Conflict): void {
    told.add(key);
    tell(conflict);
  }

  function settle(now: Millis): void {
    if (told.size === 0 || now - since < TELL_EVERY_MS) return;
    since = now;
    told.clear();
    const due = [...repeated];
    repeated.clear();
    for (const [key, conflict] of due) tellNow(key, conflict);
  }

  return {
    seen(conflict, now) {
      settle(now);
      const key = `${conflict.ip} ${conflict.mac}`;
      if (told.size === 0) since = now;
      if (told.has(key)) repeated.set(key, conflict);
      else if (told.size < MOST_TOLD) tellNow(key, conflict);
    },
    settle,
    waitMs: (now) => repeated.size === 0 ? Infinity : since + TELL_EVERY_MS - now,
  };
}
