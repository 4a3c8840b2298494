import type { Millis } from "../../base/time.ts";
import type { Log } from "./log.ts";

/** What the Worker is sent once. */
export interface WatchdogStart {
  /** One counter, raised by each turn of the main thread's event loop. */
  readonly fed: SharedArrayBuffer;
  readonly limitMs: Millis;
}

/** What the watchdog has seen. Updated in place. */
interface WatchdogState {
  fed: number;
  lookedAtMs: Millis;
  hungryMs: Millis;
}

const WATCHDOG_LIMIT_MS: Millis = 60_000;
/** How often the Worker looks. */
export const LOOK_EVERY_MS: Millis = 500;

/** Begins fed. */
export function createWatchdog(nowMs: Millis): WatchdogState {
  return { fed: 0, lookedAtMs: nowMs, hungryMs: 0 };
}

/**
 * Takes one look; gives for how long it was not fed. Time in which the watchdog itself stood
 * still (SIGSTOP, a suspended machine) does not count: it could not be fed then.
 */
export function look(state: WatchdogState, fed: number, nowMs: Millis): Millis {
  const awakeMs = Math.min(nowMs - state.lookedAtMs, 2 * LOOK_EVERY_MS);
  state.hungryMs = fed === state.fed ? state.hungryMs + awakeMs : 0;
  state.fed = fed;
  state.lookedAtMs = nowMs;
  return state.hungryMs;
}

/** Ends the process when its event loop hangs for good. */
interface Watchdog extends Disposable {
  /** To be called with each turn of the event loop. */
  feed(): void;
}

interface WatchdogOptions {
  readonly url: URL;
  readonly limitMs?: Millis;
  readonly log: Log;
}

/** Starts the Worker; without it the process works on, and the log says so. */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  const { url, limitMs = WATCHDOG_LIMIT_MS, log } = options;
  const start: WatchdogStart = { fed: new SharedArrayBuffer(4), limitMs };
  const fed = new Int32Array(start.fed);
  const worker = new Worker(url, { type: "module", name: "herald-watchdog" });
  worker.onerror = (event) => {
    event.preventDefault(); // else the whole process would end
    log.warn({ error: event.message }, "no watchdog: a process that hangs will not end by itself");
  };
  worker.postMessage(start);
  return {
    feed: () => void Atomics.add(fed, 0, 1),
    [Symbol.dispose]: () => worker.terminate(),
  };
}
