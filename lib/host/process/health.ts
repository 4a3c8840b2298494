import { type Instant, instant, type Millis } from "../../base/time.ts";
import type { Clock } from "./clock.ts";
import type { Cluster, Watched } from "../cluster/cluster.ts";
import type { WatchedKind } from "../cluster/kinds.ts";
import type { Log } from "./log.ts";
import type { HealthMetrics } from "../metrics/health.ts";

export interface HealthTiming {
  /** How often the event loop shows that it turns. */
  readonly tickMs: Millis;
  /** An event loop that was late by so much has stalled. */
  readonly stallMs: Millis;
  /**
   * A watch that neither hears, nor waits, nor asks again for so long will not any more: longer
   * than its longest silence (80 s), wait (60 s) and request (20 s) together.
   */
  readonly stuckMs: Millis;
}

export const HEALTH_TIMING: HealthTiming = { tickMs: 250, stallMs: 5_000, stuckMs: 180_000 };

/** A sign of life of a watch's loop, as it is now. */
export interface WatchMark {
  readonly id: number;
  readonly kind: WatchedKind;
  readonly lastMovedMs: number;
}

/** What is known of the process's health. Updated in place. */
interface HealthState {
  tickedAt: Instant;
  /** The longest stall that was not told yet. */
  stall: { readonly ms: Millis; readonly at: Instant } | undefined;
  /** How long each watch has not moved while the process was awake. */
  readonly watches: Map<number, { kind: WatchedKind; movedMs: number; stillMs: Millis }>;
}

/**
 * A kubelet that asked during a stall may have given up and never reads the answer (it waits for one
 * second): only an answer after this counts as told.
 */
const UNREAD_MS: Millis = 1_000;
/** A stall that was never asked about is old news after this. */
const STALL_NEWS_MS: Millis = 300_000;

/** Begins well. */
export function createHealth(now: Instant): HealthState {
  return { tickedAt: now, stall: undefined, watches: new Map() };
}

/** Takes the time and what the watches show, and gives how late the event loop was. */
export function tick(
  state: HealthState,
  marks: readonly WatchMark[],
  now: Instant,
  { tickMs, stallMs }: HealthTiming,
): Millis {
  const gap = now - state.tickedAt;
  const lag = Math.max(0, gap - tickMs);
  state.tickedAt = now;
  if (lag >= stallMs && lag >= (state.stall?.ms ?? 0)) state.stall = { ms: lag, at: now };
  // While the process stood still no watch could move: that time is not theirs.
  const awakeMs = Math.min(gap, 2 * tickMs);
  for (const { id, kind, lastMovedMs: movedMs } of marks) {
    const before = state.watches.get(id);
    const stillMs = before?.movedMs === movedMs ? before.stillMs + awakeMs : 0;
    state.watches.set(id, { kind, movedMs, stillMs });
  }
  const present = new Set(marks.map(({ id }) => id));
  for (const id of state.watches.keys()) if (!present.has(id)) state.watches.delete(id);
  return lag;
}

/** Why the process should be restarted, one sentence each. */
export function problemsOf(state: HealthState, now: Instant, timing: HealthTiming): string[] {
  return [...stallOf(state, now), ...stuckOf(state, timing)];
}

/** A stall of the event loop that is over, and not told yet. */
function stallOf({ stall }: HealthState, now: Instant): string[] {
  return stall !== undefined && now - stall.at < STALL_NEWS_MS
    ? [
      `the event loop stood still for ${seconds(stall.ms)} s, until ${
        seconds(now - stall.at)
      } s ago`,
    ]
    : [];
}

/** The watches that hang. */
function stuckOf(state: HealthState, timing: HealthTiming): string[] {
  return [...state.watches.values()].filter(({ stillMs }) => stillMs >= timing.stuckMs)
    .map(({ kind, stillMs }) =>
      `the watch of kind ${kind} hangs: for ${seconds(stillMs)} s it has neither heard anything ` +
      "nor tried again"
    );
}

function seconds(ms: Millis): number {
  return Math.round(ms / 1000);
}

/** The health of this process. */
export interface Health {
  /** The same cluster, whose watches are looked after from now on. */
  observe(cluster: Cluster): Cluster;
  /** Why the process should be restarted, one sentence each. */
  problems(): readonly string[];
  /** The same; a stall that is over is told until it has surely been read. */
  answer(): readonly string[];
  /** The same without a stall that is over: for who notices by himself that nothing moves. */
  lasting(): readonly string[];
}

interface HealthOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: HealthMetrics;
  readonly timing?: HealthTiming;
  /** Called with each turn of the event loop. */
  readonly onTick?: () => void;
}

/** Looks after the event loop until the signal fires. */
export function startHealth(options: HealthOptions, signal: AbortSignal): Health {
  const { clock, log, metrics, timing = HEALTH_TIMING, onTick } = options;
  const state = createHealth(clock.now());
  const watches = new Map<number, { kind: WatchedKind; watched: Watched<unknown> }>();
  let lastId = 0;

  function look(): void {
    const marks = [...watches].map(([id, { kind, watched: { lastMovedMs } }]) => ({
      id,
      kind,
      lastMovedMs,
    }));
    const lag = tick(state, marks, clock.now(), timing);
    metrics.lag.observe(lag / 1000);
    if (lag >= timing.stallMs) {
      log.warn({ ms: Math.round(lag) }, "the event loop stood still: busy, stopped or out of CPU");
    }
    onTick?.();
  }
  const timer = setInterval(look, timing.tickMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });

  metrics.onScrape = () => {
    metrics.lastHeard.reset();
    const silence = new Map<WatchedKind, Millis>();
    for (const { kind, watched } of watches.values()) {
      const silentMs = clock.now() - instant(watched.lastHeardMs);
      silence.set(kind, Math.max(silentMs, silence.get(kind) ?? 0));
    }
    for (const [kind, ms] of silence) metrics.lastHeard.set({ kind }, ms / 1000);
  };

  return {
    observe: (cluster) => ({
      ...cluster,
      watch(watchOptions, stop) {
        const watched = cluster.watch(watchOptions, stop);
        const id = ++lastId;
        watches.set(id, { kind: watchOptions.kind, watched });
        const forget = () => void watches.delete(id);
        watched.done.then(forget, forget);
        return watched;
      },
    }),
    problems: () => problemsOf(state, clock.now(), timing),
    lasting: () => stuckOf(state, timing),
    answer() {
      // A request may be served before the timer that is as late as it.
      look();
      const now = clock.now();
      const problems = problemsOf(state, now, timing);
      if (state.stall !== undefined && now - state.stall.at >= UNREAD_MS) state.stall = undefined;
      return problems;
    },
  };
}
