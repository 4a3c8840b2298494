import { errorText } from "../../base/errors.ts";
import { type Instant, instant, type Millis } from "../../base/time.ts";
import { createAskers } from "./barrier.ts";
import { oncePer, retryDelayMs } from "../process/backoff.ts";
import type { Clock } from "../process/clock.ts";
import type { Change, Watched, WatchOptions } from "../cluster/cluster.ts";
import type { KubeClient, KubeFailure } from "./client.ts";
import { objectOr, textOf } from "../../model/json.ts";
import { collectionPath } from "./paths.ts";
import { KINDS } from "../cluster/kinds.ts";
import type { Log } from "../process/log.ts";
import { listPages, unusable } from "./list.ts";
import { type Reading, watchCache } from "../cluster/watch_cache.ts";
import { lineReader, parseWatchLine, type WatchEvent } from "./watch_lines.ts";

/** The reflector's intervals; tests shorten them. */
export interface ReflectorTiming {
  /** The server ends a watch after this and up to a fifth more. */
  readonly watchMs: Millis;
  /** A watch that is silent for so long is dead: the server sends a bookmark every minute. */
  readonly silentMs: Millis;
  /** Never two full lists within this time. */
  readonly relistMs: Millis;
  /** How often to list where watching is forbidden. */
  readonly pollMs: Millis;
  /** A watch that lasted so long was in order however it ended. */
  readonly healthyMs: Millis;
}

export const REFLECTOR_TIMING: ReflectorTiming = {
  watchMs: 290_000,
  silentMs: 80_000,
  relistMs: 1_000,
  pollMs: 10_000,
  healthyMs: 5_000,
};

/** What a reflector works with. */
export interface ReflectorHost {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: ReflectorTiming;
  /** Counts what happens, for metrics. */
  readonly count: (what: "relists" | "stalls" | "unknown_events" | "skipped_objects") => void;
}

/** How a list or a watch ended, which decides what comes next. */
type Step =
  /** Watch from the version that was reached. */
  | { readonly kind: "watch" }
  /** The version is of no use any more: list again. */
  | { readonly kind: "list" }
  /** Watching is forbidden: list from time to time. */
  | { readonly kind: "poll" }
  | { readonly kind: "retry"; readonly failure: KubeFailure };

/** How many polls pass before a forbidden watch is tried again: the roles may have changed. */
const POLLS_PER_WATCH = 30;
/** How often in a row a watch that ends soon is opened again without a wait. */
const HASTY_LIMIT = 5;

/**
 * Keeps a cache equal to the API server's objects: a paged list, then a watch from its version,
 * with a new list only where the server has forgotten that version. Ends when the signal fires.
 */
export function startReflector<T>(
  host: ReflectorHost,
  options: WatchOptions<T>,
  signal: AbortSignal,
): Watched<T> {
  const { client, clock, timing, count } = host;
  const cache = watchCache<T>(options);
  const resource = KINDS[options.kind].plural;
  const log = host.log.child({ resource });
  const mayComplain = oncePer(30_000, clock.now);
  let position = "";
  let synced = false;
  let lastHeard: Instant = clock.now();
  let lastMoved: Instant = lastHeard;
  let listedAt: Instant = instant(-Infinity);
  let complained = false;
  let forbidden = false;
  let emptySeen = false;
  let opened = false;
  let polls = 0;
  let hasties = 0;
  const askers = createAskers();
  let endWatch: () => void = () => {};

  function emit(changes: readonly Change<T>[]): void {
    for (const change of changes) options.onChange(change);
  }

  function readObject(object: unknown): Reading<T> {
    const reading = cache.readObject(object);
    if (reading.kind === "skip") count("skipped_objects");
    return reading;
  }

  /** The server gave a sign of life. */
  function alive(): void {
    lastHeard = lastMoved = clock.now();
    if (complained) log.info({}, "reading from the API server again");
    complained = false;
  }

  async function run(): Promise<void> {
    let step: Step = { kind: "list" };
    let failures = 0;
    while (!signal.aborted) {
      const started = lastMoved = clock.now();
      const previous: Step = step;
      opened = false;
      const watching = previous.kind === "watch" && !askers.waiting;
      step = await guarded(() => watching ? follow() : list());
      if (signal.aborted) return;
      if (watching && askers.waiting) step = { kind: "list" };
      const healthy = opened && clock.now() - started >= timing.healthyMs;
      if (step.kind !== "retry" || healthy) failures = 0;
      if (step.kind === "retry") {
        await pause(failures++, step.failure);
        step = previous;
      } else if (step.kind === "poll") {
        await clock.sleep(timing.pollMs * (0.9 + clock.random() / 5), signal);
      }
    }
  }

  async function guarded(act: () => Promise<Step>): Promise<Step> {
    try {
      return await act();
    } catch (error) {
      log.error({ error: errorText(error) }, "a bug kept a change from being handled");
      return retry(`handle ${resource}`, errorText(error));
    }
  }

  async function pause(attempt: number, failure: KubeFailure): Promise<void> {
    if (mayComplain()) {
      log.warn({ error: failure.message, attempt }, "cannot read, trying again");
      complained = true;
    }
    const delay = retryDelayMs(attempt, clock.random, failure.retryAfterMs);
    // A new token may lie in its file already.
    const delayMs = failure.status === 401 ? Math.min(delay, 9_000) : delay;
    await client.waitToRetry(delayMs, failure, signal);
  }

  async function list(): Promise<Step> {
    const hurried = askers.waiting && !emptySeen;
    const waitMs = hurried ? 0 : Math.max(0, listedAt + timing.relistMs - clock.now());
    await clock.sleep(waitMs, signal);
    listedAt = clock.now();
    // Only a list from which the watch can go on has told everything.
    return await askers.answerWith(listOnce, ({ kind }) => kind === "watch" || kind === "poll");
  }

  async function listOnce(): Promise<Step> {
    if (synced && polls === 0) count("relists");
    const readings: Reading<T>[] = [];
    const outcome = await listPages(client, options, (objects) => {
      alive();
      for (const object of objects) readings.push(readObject(object));
    }, signal);
    if (outcome.kind === "failure") return { kind: "retry", failure: outcome };
    if (outcome.kind === "expired") return { kind: "list" };
    position = outcome.resourceVersion;
    return settle(readings);
  }

  function settle(readings: readonly Reading<T>[]): Step {
    if (readings.length === 0 && cache.items.size > 0 && !emptySeen) {
      emptySeen = true;
      log.warn({ known: cache.items.size }, "the list is suddenly empty, asking a second time");
      return { kind: "list" };
    }
    emptySeen = false;
    const changes = cache.replaceAll(readings);
    synced = true;
    emit([...changes, { kind: "synced" }]);
    polls = polls > 0 ? polls - 1 : 0;
    return polls > 0 ? { kind: "poll" } : { kind: "watch" };
  }

  async function follow(): Promise<Step> {
    const watchMs = timing.watchMs * (1 + clock.random() / 5);
    const operation = `watch ${resource}`;
    const path = collectionPath(options, {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: position,
      timeoutSeconds: String(Math.ceil(watchMs / 1000)),
    });
    const stop = new AbortController();
    const end = () => stop.abort();
    endWatch = end;
    signal.addEventListener("abort", end);
    const started = clock.now();
    const from = position;
    let stalled = false;
    const check = setInterval(() => {
      const silent = clock.now() - Math.max(started, lastHeard) >= timing.silentMs;
      if (!silent && clock.now() - started < watchMs + 25_000) return;
      stalled = true;
      stop.abort();
    }, timing.silentMs / 16);
    try {
      const stream = await client.stream({ operation, method: "GET", path }, stop.signal);
      if (stream.kind === "failure") return stalled ? stall() : refused(stream);
      opened = true;
      alive();
      const step = await readEvents(stream.chunks, operation);
      if (stalled) return stall();
      if (step !== undefined) return step;
      const early = clock.now() - started < timing.healthyMs;
      // The server also ends a watch that it thinks too slow; that one has brought something.
      const brought = position !== from && hasties++ < HASTY_LIMIT;
      if (!early) hasties = 0;
      return early && !brought ? retry(operation, "the watch ended at once") : { kind: "watch" };
    } catch (error) {
      return stalled ? stall() : retry(operation, errorText(error));
    } finally {
      clearInterval(check);
      signal.removeEventListener("abort", end);
      stop.abort();
    }
  }

  /** The connection may lead nowhere while nobody says so: the next watch takes another. */
  function stall(): Step {
    count("stalls");
    log.info({}, "the watch is silent, opening it anew");
    client.reconnect();
    return { kind: "watch" };
  }

  function refused(failure: KubeFailure): Step {
    // 410: forgotten. 400: never was a version of this server, as after a restore of its store.
    if (failure.status === 410 || failure.status === 400 || isFuture(failure.message)) {
      return { kind: "list" };
    }
    if (failure.status !== 403) return { kind: "retry", failure };
    if (!forbidden) {
      log.warn(
        { error: failure.message },
        `watching is forbidden, listing every ${timing.pollMs / 1000} s; grant the verb watch`,
      );
    }
    forbidden = true;
    polls = POLLS_PER_WATCH;
    return { kind: "poll" };
  }

  async function readEvents(
    chunks: AsyncIterable<Uint8Array>,
    operation: string,
  ): Promise<Step | undefined> {
    const lines = lineReader();
    for await (const chunk of chunks) {
      alive();
      const complete = lines.push(chunk);
      if (complete === undefined) return retry(operation, "a line is longer than 16 MiB");
      for (const line of complete) {
        const step = take(parseWatchLine(line), operation);
        if (step !== undefined) return step;
      }
      if (signal.aborted) return undefined;
    }
    return undefined;
  }

  /** Takes one event; gives a step where the watch cannot go on. */
  function take(event: WatchEvent, operation: string): Step | undefined {
    switch (event.kind) {
      case "apply":
      case "delete": {
        const reading = readObject(event.object);
        const version = textOf(objectOr(event.object.metadata).resourceVersion);
        emit(event.kind === "apply" ? cache.apply(reading) : cache.delete(reading));
        if (version) position = version;
        return undefined;
      }
      case "bookmark":
        position = event.resourceVersion;
        return undefined;
      case "error":
        return event.code === 410 || isFuture(event.message)
          ? { kind: "list" }
          : retry(operation, `${event.code} ${event.message}`);
      case "unknown":
        count("unknown_events");
        return undefined;
      case "broken":
        return retry(operation, "a line of the watch is no event");
    }
  }

  function retry(operation: string, reason: string): Step {
    return { kind: "retry", failure: unusable(client, operation, reason) };
  }

  return {
    refresh() {
      const answered = askers.ask();
      endWatch();
      return answered;
    },
    get synced() {
      return synced;
    },
    get lastHeardMs() {
      return lastHeard;
    },
    get lastMovedMs() {
      return lastMoved;
    },
    items: cache.items,
    done: run().finally(askers.dismiss),
  };
}

/** The store was put back to an earlier state: our version lies in its future. */
function isFuture(message: string): boolean {
  return message.includes("Too large resource version");
}
