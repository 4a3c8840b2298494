import { type Instant, instant, type Millis, type Random } from "../../base/time.ts";

/** Time and chance as the host's loops see them; tests hand in their own. */
export interface Clock {
  /** Monotonic. */
  now(): Instant;
  /** Ends after `ms`, or as soon as the signal fires; never rejects. */
  sleep(ms: Millis, signal: AbortSignal): Promise<void>;
  /** Runs it once after `ms`, and never synchronously; the function given back calls it off. */
  schedule(ms: Millis, run: () => void): () => void;
  readonly random: Random;
}

/** The longest wait that a timer takes: beyond it a timer fires at once. */
export const LONGEST_TIMER_MS: Millis = 2 ** 31 - 1;

/** In whole milliseconds: the engine cuts a fraction off, and would wake who waits before its time. */
function timerMs(ms: Millis): Millis {
  return Math.ceil(ms);
}

/** The machine's clock. No timer of it fires early. */
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
      const timer = setTimeout(end, timerMs(ms));
      signal.addEventListener("abort", end);
    }),
  schedule(ms, run) {
    // A timer that expired while the thread was busy fires although it is cleared meanwhile.
    let calledOff = false;
    const timer = setTimeout(() => calledOff || run(), timerMs(ms));
    return () => {
      calledOff = true;
      clearTimeout(timer);
    };
  },
  random: Math.random,
};

/** Resolves when the signal fires, at once when it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
