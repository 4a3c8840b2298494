import { errorText } from "../../base/errors.ts";
import { type Instant, instant, type Millis } from "../../base/time.ts";
import type { Change, Watched, WatchOptions } from "../cluster/cluster.ts";
import { KINDS } from "../cluster/kinds.ts";
import {
  createWatchCache,
  type ObjectReading,
  type WatchCache,
  watchedOf,
} from "../cluster/watch_cache.ts";
import { oncePer, retryDelayMs } from "../process/backoff.ts";
import { type Barrier, createBarrier } from "./barrier.ts";
import type { KubeFailure } from "./transport.ts";
import { follow, type FollowHost, type FollowTiming, type ObjectEvent } from "./follow.ts";
import { listPages, unusable } from "./list.ts";
import { listAtOnce, nextReading, type Outcome, pollMs, type Reading, UNREAD } from "./reading.ts";

/** The reflector's intervals; tests shorten them. */
export interface ReflectorTiming extends FollowTiming {
  /** Never two full lists within this time. */
  readonly relistMs: Millis;
  /** How often to list where watching is forbidden for long. */
  readonly pollMs: Millis;
}

export const REFLECTOR_TIMING: ReflectorTiming = {
  watchMs: 290_000,
  silentMs: 80_000,
  relistMs: 1_000,
  pollMs: 10_000,
  healthyMs: 5_000,
};

/** What a reflector works with. */
interface ReflectorHost extends FollowHost {
  readonly timing: ReflectorTiming;
  /** Counts what happens, for metrics. */
  readonly count: (what: "relists" | "stalls" | "unknown_events" | "skipped_objects") => void;
}

/** A reflector at work. Updated in place. */
interface Reflector<T> extends ReflectorHost {
  readonly options: WatchOptions<T>;
  readonly signal: AbortSignal;
  readonly cache: WatchCache<T>;
  readonly barrier: Barrier;
  readonly mayComplain: () => boolean;
  synced: boolean;
  lastHeardMs: Instant;
  lastMovedMs: Instant;
  listedAt: Instant;
  complained: boolean;
  toldForbidden: boolean;
  /** The list before ended in the middle, for the server had forgotten its version. */
  expired: boolean;
  /** Ends the present watch, where there is one. */
  endWatch: () => void;
}

/**
 * Keeps a cache equal to the API server's objects: a paged list, then a watch from its version,
 * with a new list only where the server has forgotten that version. Ends when the signal fires.
 */
export function startReflector<T>(
  host: ReflectorHost,
  options: WatchOptions<T>,
  signal: AbortSignal,
): Watched<T> {
  const { now } = host.clock;
  const reflector: Reflector<T> = {
    ...host,
    options,
    signal,
    log: host.log.child({ resource: KINDS[options.kind].plural }),
    cache: createWatchCache<T>(options),
    barrier: createBarrier(),
    mayComplain: oncePer(30_000, now),
    synced: false,
    lastHeardMs: now(),
    lastMovedMs: now(),
    listedAt: instant(-Infinity),
    complained: false,
    toldForbidden: false,
    expired: false,
    endWatch: () => {},
  };
  const { barrier, cache } = reflector;
  return watchedOf(() => reflector, {
    items: cache.items,
    refresh() {
      const listed = barrier.wait();
      reflector.endWatch();
      return listed;
    },
    done: run(reflector).finally(barrier.dismiss),
  });
}

async function run<T>(reflector: Reflector<T>): Promise<void> {
  const { barrier, client, clock, log, options, signal } = reflector;
  let reading = UNREAD;
  while (!signal.aborted) {
    reflector.lastMovedMs = clock.now();
    const watching = reading.doing.kind === "watching" && !barrier.waiting;
    try {
      reading = nextReading(reading, await act(reflector, reading));
    } catch (error) {
      log.error({ error: errorText(error) }, "a bug kept a change from being handled");
      const operation = `handle ${KINDS[options.kind].plural}`;
      const failure = unusable(client, operation, errorText(error));
      reading = nextReading(reading, { kind: "failed", failure });
    }
    if (watching && barrier.waiting) reading = listAtOnce(reading);
  }
}

async function act<T>(reflector: Reflector<T>, reading: Reading): Promise<Outcome> {
  const { barrier, clock, signal, timing } = reflector;
  const { doing } = reading;
  if (doing.kind === "waiting") {
    await waitToRetry(reflector, doing.failure, reading.failures - 1);
    return { kind: "waited" };
  }
  if (doing.kind === "polling") {
    await clock.sleep(pollMs(reading, timing.pollMs) * (0.9 + clock.random() / 5), signal);
    return { kind: "waited" };
  }
  return doing.kind === "watching" && !barrier.waiting
    ? await watch(reflector, doing.from)
    : await list(reflector, reading);
}

async function waitToRetry<T>(
  reflector: Reflector<T>,
  failure: KubeFailure,
  attempt: number,
): Promise<void> {
  const { client, clock, log, options, signal } = reflector;
  if (failure.status === 403) options.onRefused?.(failure.message);
  if (reflector.mayComplain()) {
    log.warn({ error: failure.message, attempt }, "cannot read, trying again");
    reflector.complained = true;
  }
  const delay = retryDelayMs(attempt, clock.random, failure.retryAfterMs);
  // A new token may lie in its file already.
  const delayMs = failure.status === 401 ? Math.min(delay, 9_000) : delay;
  await client.waitToRetry(delayMs, failure, signal);
}

async function list<T>(reflector: Reflector<T>, reading: Reading): Promise<Outcome> {
  const { barrier, client, clock, count, options, signal, timing } = reflector;
  const hurried = barrier.waiting && reading.doing.kind !== "doubting";
  const waitMs = hurried ? 0 : Math.max(0, reflector.listedAt + timing.relistMs - clock.now());
  await clock.sleep(waitMs, signal);
  reflector.listedAt = clock.now();
  return await barrier.passWith(async () => {
    if (reflector.synced && reading.polls === 0) count("relists");
    const objects: ObjectReading<T>[] = [];
    const answer = await listPages(
      client,
      options,
      (page) => {
        hear(reflector);
        for (const object of page) objects.push(readObject(reflector, object));
      },
      signal,
      reflector.expired ? "whole" : "paged",
    );
    reflector.expired = answer.kind === "expired";
    if (answer.kind === "failure") return { kind: "failed", failure: answer };
    if (answer.kind === "expired") return { kind: "forgotten" };
    return takeList(reflector, reading, objects, answer.resourceVersion);
  }, ({ kind }) => kind === "listed");
}

function takeList<T>(
  reflector: Reflector<T>,
  { doing }: Reading,
  objects: readonly ObjectReading<T>[],
  version: string,
): Outcome {
  const { cache, log } = reflector;
  if (objects.length === 0 && cache.items.size > 0 && doing.kind !== "doubting") {
    log.warn({ known: cache.items.size }, "the list is suddenly empty, asking a second time");
    return { kind: "empty" };
  }
  const changes = cache.replaceAll(objects);
  reflector.synced = true;
  emit(reflector, [...changes, { kind: "synced" }]);
  return { kind: "listed", version };
}

async function watch<T>(reflector: Reflector<T>, from: string): Promise<Outcome> {
  const { log, options, signal, timing } = reflector;
  const stop = new AbortController();
  const end = () => stop.abort();
  reflector.endWatch = end;
  signal.addEventListener("abort", end);
  const outcome = await follow(reflector, options, from, {
    onSign: () => hear(reflector),
    onEvent: (event) => takeEvent(reflector, event),
  }, stop);
  signal.removeEventListener("abort", end);
  if (outcome.kind === "forbidden" && !reflector.toldForbidden) {
    reflector.toldForbidden = true;
    log.warn(
      { error: outcome.failure.message },
      `watching is forbidden, listing every ${
        timing.pollMs / 1000
      } s should it stay so; grant the ` +
        "verb watch",
    );
  }
  return outcome;
}

function takeEvent<T>(reflector: Reflector<T>, { kind, object }: ObjectEvent): void {
  const reading = readObject(reflector, object);
  const { cache } = reflector;
  emit(reflector, kind === "apply" ? cache.apply(reading) : cache.delete(reading));
}

function readObject<T>({ cache, count }: Reflector<T>, object: unknown): ObjectReading<T> {
  const reading = cache.readObject(object);
  if (reading.kind === "skip") count("skipped_objects");
  return reading;
}

function emit<T>({ options }: Reflector<T>, changes: readonly Change<T>[]): void {
  for (const change of changes) options.onChange(change);
}

/** The server gave a sign of life. */
function hear<T>(reflector: Reflector<T>): void {
  reflector.lastHeardMs = reflector.lastMovedMs = reflector.clock.now();
  if (reflector.complained) reflector.log.info({}, "reading from the API server again");
  reflector.complained = false;
}
