import process from "node:process";
import type { Millis } from "../../base/time.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** What a watchdog is told once. */
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
/** How often it looks. */
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

/** The main thread cannot end the process any more, and `Deno.exit` in a Worker ends only that. */
export function endStalled(hungryMs: Millis): void {
  const line = {
    level: "error",
    time: new Date().toISOString(),
    component: "watchdog",
    ms: Math.round(hungryMs),
    msg: "the event loop stands still, ending the process; please report it",
  };
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  } finally {
    process.abort();
  }
}

/** A problem that lasts for so many looks, a second apart, will not mend itself. */
const LASTING_LOOKS = 60;
const LOOK_FOR_PROBLEMS_MS: Millis = 1_000;

/**
 * Looks for what only a new process mends, where no kubelet or service manager does: a Worker that
 * died or hangs takes the watchdog that is a part of it along. Counts looks, for in a time in which
 * the process stood still nothing could mend. Settles when the signal fires.
 * @throws Error with the problems
 */
export async function endWhenUnhealthy(
  clock: Pick<Clock, "sleep">,
  problems: () => readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (let looks = 0; !signal.aborted;) {
    await clock.sleep(LOOK_FOR_PROBLEMS_MS, signal);
    const found = problems();
    looks = found.length === 0 ? 0 : looks + 1;
    if (looks >= LASTING_LOOKS) {
      throw new Error(`${found.join("; ")}: so for a minute, and only a new process mends it`);
    }
  }
}

/** What shows that the main thread's event loop turns. */
export interface Feed {
  readonly memory: SharedArrayBuffer;
  /** To be called with each turn of the event loop. */
  feed(): void;
}

/** Begins with nothing. */
export function createFeed(): Feed {
  const memory = new SharedArrayBuffer(4);
  const fed = new Int32Array(memory);
  return { memory, feed: () => void Atomics.add(fed, 0, 1) };
}

/** What a watchdog is told at its start. */
export function watchdogStart(
  { memory }: Feed,
  limitMs: Millis = WATCHDOG_LIMIT_MS,
): WatchdogStart {
  return { fed: memory, limitMs };
}

/** Tells that there is none: the process works on. */
export function withoutWatchdog(log: Log, error: string): void {
  log.warn({ error }, "no watchdog: a process that hangs will not end by itself");
}

/**
 * Ends the process when its event loop hangs for good, from a Worker of its own. Without it the
 * process works on, and the log says so.
 */
export function startWatchdog(url: URL, start: WatchdogStart, log: Log): Disposable {
  const worker = new Worker(url, { type: "module", name: "herald-watchdog" });
  worker.onerror = (event) => {
    event.preventDefault(); // else the whole process would end
    withoutWatchdog(log, event.message);
  };
  worker.postMessage(start);
  return { [Symbol.dispose]: () => worker.terminate() };
}
