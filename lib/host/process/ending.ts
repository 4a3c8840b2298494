import { errorText } from "../../base/errors.ts";
import type { Millis } from "../../base/time.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** How a process ends: it starts whole, gives over what others can take, and stops. */
export interface Ending {
  /** Fires as soon as the process was asked to end. */
  readonly leaving: AbortSignal;
  /** Fires when its parts shall end. */
  readonly stop: AbortSignal;
  /** Somebody asks for the end; who asks twice does not want to wait for the handing over. */
  ask(): void;
  /** All parts run and hear the signals from now on. */
  started(): void;
  /** Ends the parts without handing over: one of them broke. */
  end(): void;
  /** Awaits a part; where it does not end in time the log names it. */
  part<T>(name: string, done: Promise<T>): Promise<T>;
  /** Settles when parts have still not ended long after they should. */
  readonly overdue: Promise<void>;
}

/** A kubelet waits the manifest's 5 s, and kills. */
const END_WITHIN_MS: Millis = 4_000;

/**
 * Begins with a process that starts. Until it has started nothing stops: a part that begins after
 * its signal has fired never hears of it.
 */
export function createEnding(
  clock: Pick<Clock, "schedule">,
  log: Log,
  handOver: () => Promise<void>,
): Ending {
  const leaving = new AbortController();
  const stop = new AbortController();
  const started = Promise.withResolvers<void>();
  const overdue = Promise.withResolvers<void>();
  const unended = new Set<string>();
  let starting = true;
  let isTimed = false;

  async function leave(): Promise<void> {
    await started.promise;
    try {
      await handOver();
    } catch (error) {
      log.warn({ error: errorText(error) }, "addresses were not handed over");
    } finally {
      stop.abort();
    }
  }

  function limitTime(): void {
    if (isTimed) return;
    isTimed = true;
    clock.schedule(END_WITHIN_MS, tellOverdue);
  }

  function tellOverdue(): void {
    const reason = starting ? "the start" : [...unended].join(", ") || "handing over";
    log.error({ reason }, "not ended in time, leaving all the same");
    overdue.resolve();
  }

  return {
    leaving: leaving.signal,
    stop: stop.signal,
    ask() {
      if (leaving.signal.aborted) return void started.promise.then(() => stop.abort());
      leaving.abort();
      limitTime();
      void leave();
    },
    started() {
      starting = false;
      started.resolve();
    },
    end() {
      limitTime();
      stop.abort();
    },
    part(name, done) {
      unended.add(name);
      return done.finally(() => unended.delete(name));
    },
    overdue: overdue.promise,
  };
}
