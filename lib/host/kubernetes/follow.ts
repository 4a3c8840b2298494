import { errorText } from "../../base/errors.ts";
import type { Instant, Millis } from "../../base/time.ts";
import { objectOr, textOf } from "../../model/json.ts";
import { KINDS, type Selection } from "../cluster/kinds.ts";
import type { Clock } from "../process/clock.ts";
import type { Log } from "../process/log.ts";
import type { KubeClient } from "./client.ts";
import type { KubeFailure } from "./transport.ts";
import { unusable } from "./list.ts";
import { collectionPath } from "./paths.ts";
import type { Outcome } from "./reading.ts";
import { createLineReader, parseWatchLine, type WatchEvent } from "./watch_lines.ts";

/** The intervals of a watch. */
export interface FollowTiming {
  /** The server ends a watch after this and up to a fifth more. */
  readonly watchMs: Millis;
  /** A watch that is silent for so long is dead: the server sends a bookmark every minute. */
  readonly silentMs: Millis;
  /** A watch that lasted so long was in order however it ended. */
  readonly healthyMs: Millis;
}

/** What a watch works with. */
export interface FollowHost {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: FollowTiming;
  readonly count: (what: "stalls" | "unknown_events") => void;
}

/** An object that came, changed or went. */
export type ObjectEvent = WatchEvent & { readonly kind: "apply" | "delete" };

/** What to do with what a watch brings. */
interface FollowHooks {
  /** The server gave a sign of life. */
  readonly onSign: () => void;
  readonly onEvent: (event: ObjectEvent) => void;
}

/** One watch, from its request to its end. Updated in place. */
interface Watch extends FollowHost, FollowHooks {
  readonly operation: string;
  readonly startedAt: Instant;
  readonly stop: AbortController;
  /** The version up to which all changes are known. */
  reached: string;
  heardAt: Instant;
  opened: boolean;
  stalled: boolean;
}

/** A watch that the server forgot to end is ended after so much more than its time. */
const OVERTIME_MS: Millis = 25_000;

/** Follows the changes from a version on, until the watch ends or is stopped. Never throws. */
export async function follow(
  host: FollowHost,
  selection: Selection,
  from: string,
  hooks: FollowHooks,
  stop: AbortController,
): Promise<Outcome> {
  const { client, clock, timing } = host;
  const watchMs = timing.watchMs * (1 + clock.random() / 5);
  const operation = `watch ${KINDS[selection.kind].plural}`;
  const path = collectionPath(selection, {
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: from,
    timeoutSeconds: String(Math.ceil(watchMs / 1000)),
  });
  const startedAt = clock.now();
  const state = { reached: from, heardAt: startedAt, opened: false, stalled: false };
  const watch: Watch = { ...host, ...hooks, operation, startedAt, stop, ...state };
  const check = setInterval(() => endIfSilent(watch, watchMs), timing.silentMs / 16);
  try {
    const stream = await client.stream({ operation, method: "GET", path }, stop.signal);
    if (stream.kind === "failure") return watch.stalled ? stall(watch) : refused(watch, stream);
    watch.opened = true;
    hear(watch);
    const outcome = await readEvents(watch, stream.chunks);
    return watch.stalled ? stall(watch) : outcome;
  } catch (error) {
    return watch.stalled ? stall(watch) : failed(watch, errorText(error));
  } finally {
    clearInterval(check);
    stop.abort();
  }
}

function endIfSilent(watch: Watch, watchMs: Millis): void {
  const { heardAt, startedAt, stop, timing } = watch;
  const now = watch.clock.now();
  if (now - heardAt < timing.silentMs && now - startedAt < watchMs + OVERTIME_MS) return;
  watch.stalled = true;
  stop.abort();
}

function hear(watch: Watch): void {
  watch.heardAt = watch.clock.now();
  watch.onSign();
}

/** The connection may be dead without an error: the next watch takes another one. */
function stall({ client, count, log, reached }: Watch): Outcome {
  count("stalls");
  log.info({}, "the watch is silent, opening it anew");
  client.reconnect();
  return { kind: "stalled", reached };
}

function refused(watch: Watch, failure: KubeFailure): Outcome {
  const { message, status } = failure;
  // 410: forgotten. 400: never was a version of this server, as after a restore of its store.
  if (status === 410 || status === 400 || isFuture(message)) return { kind: "forgotten" };
  if (status === 403) return { kind: "forbidden", failure };
  return { kind: "failed", failure, reached: watch.reached };
}

async function readEvents(watch: Watch, chunks: AsyncIterable<Uint8Array>): Promise<Outcome> {
  const lines = createLineReader();
  for await (const chunk of chunks) {
    hear(watch);
    const complete = lines.push(chunk);
    if (complete === undefined) return failed(watch, "a line is longer than 16 MiB");
    for (const line of complete) {
      const outcome = take(watch, parseWatchLine(line));
      if (outcome !== undefined) return outcome;
    }
    if (watch.stop.signal.aborted) break;
  }
  return { ...failed(watch, "the watch ended at once"), kind: "ended" };
}

/** Takes one event; gives an outcome where the watch cannot go on. */
function take(watch: Watch, event: WatchEvent): Outcome | undefined {
  switch (event.kind) {
    case "apply":
    case "delete": {
      const version = textOf(objectOr(event.object.metadata).resourceVersion);
      watch.onEvent(event);
      if (version) watch.reached = version;
      return undefined;
    }
    case "bookmark":
      watch.reached = event.resourceVersion;
      return undefined;
    case "error":
      return event.code === 410 || isFuture(event.message)
        ? { kind: "forgotten" }
        : failed(watch, `${event.code} ${event.message}`);
    case "unknown":
      watch.count("unknown_events");
      return undefined;
    case "broken":
      return failed(watch, "a line of the watch is no event");
  }
}

function failed(watch: Watch, reason: string): Outcome & { readonly kind: "ended" | "failed" } {
  const { client, clock, opened, operation, reached, startedAt, timing } = watch;
  const failure = unusable(client, operation, reason);
  const healthy = opened && clock.now() - startedAt >= timing.healthyMs;
  return { kind: "failed", failure, reached, healthy };
}

/** The store was put back to an earlier state: the version that is known lies in its future. */
function isFuture(message: string): boolean {
  return message.includes("Too large resource version");
}
