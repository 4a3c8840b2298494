import { type Instant, instant, type Millis } from "../../lib/base/time.ts";
import { type Clock, LONGEST_TIMER_MS, systemClock } from "../../lib/host/process/clock.ts";

/** A clock whose time passes only when a test says so. */
export interface VirtualClock extends Clock {
  /** Lets `ms` pass: timers run in the order of their time, each at its own. */
  advance(ms: Millis): void;
  /** The same, and lets what waits for promises run between two timers. */
  elapse(ms: Millis): Promise<void>;
  /** How many timers wait. */
  pending(): number;
}

/** Starts at `start` milliseconds; chance is always 0.5 unless given. */
export function virtualClock(start: Millis = 0, random: () => number = () => 0.5): VirtualClock {
  let now: Instant = instant(start);
  let sequence = 0;
  const timers = new Map<number, { readonly due: Millis; readonly run: () => void }>();

  function schedule(ms: Millis, run: () => void): () => void {
    const id = sequence++;
    // A real timer fires at once where it is asked to wait for too long.
    const wait = ms > LONGEST_TIMER_MS ? 1 : Math.max(0, ms);
    timers.set(id, { due: now + wait, run });
    return () => void timers.delete(id);
  }

  /** Runs the next timer due by `until`; false when there is none. */
  function runNext(until: Millis): boolean {
    let first: { id: number; due: Millis; run: () => void } | undefined;
    for (const [id, { due, run }] of timers) {
      if (due <= until && (first === undefined || due < first.due)) first = { id, due, run };
    }
    if (first === undefined) return false;
    timers.delete(first.id);
    now = instant(Math.max(now, first.due));
    first.run();
    return true;
  }

  return {
    now: () => now,
    random,
    schedule,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const end = () => {
          cancel();
          signal.removeEventListener("abort", end);
          resolve();
        };
        const cancel = schedule(ms, end);
        signal.addEventListener("abort", end);
      }),
    advance(ms) {
      const until = now + ms;
      while (runNext(until));
      now = instant(until);
    },
    async elapse(ms) {
      const until = now + ms;
      await settled();
      while (runNext(until)) await settled();
      now = instant(until);
    },
    pending: () => timers.size,
  };
}

/** Real time, but waits are a hundred times shorter. */
export const HURRIED_CLOCK: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

/** Lets everything run that waits for nothing but promises already settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
