import { type Instant, instant, type Millis, type Random } from "../../base/time.ts";

/** Time and chance as the host's loops see them; tests hand in their own. */
export interface Clock {
  /** Monotonic. */
  now(): Instant;
  /** Ends after `ms`, or as soon as the signal fires; never rejects. */
  sleep(ms: Millis, signal: AbortSignal): Promise<void>;
  readonly random: Random;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => instant(performance.now()),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
    }),
  random: Math.random,
};
