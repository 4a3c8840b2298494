import type { Instant, Millis } from "../base/time.ts";

/** How full one pool was, for a forecast of when it will be full. Updated in place. */
export interface UsageHistory {
  /** Oldest first. */
  readonly samples: { readonly at: Instant; readonly inUse: number }[];
}

/** Nothing is kept closer together: a day of samples is 1,440. */
export const SAMPLE_MS: Millis = 60_000;
const WINDOW_MS: Millis = 24 * 3_600_000;
/** A trend of a shorter time says nothing about days to come. */
const LEAST_MS: Millis = 10 * 60_000;

/** Notes how many addresses are in use, at most once a minute; what is older than a day goes. */
export function noteUsage(history: UsageHistory, inUse: number, now: Instant): void {
  const { samples } = history;
  const last = samples.at(-1);
  if (last !== undefined && now - last.at < SAMPLE_MS) return;
  samples.push({ at: now, inUse });
  while (samples[0] !== undefined && now - samples[0].at > WINDOW_MS) samples.shift();
}

/**
 * In how long the pool will be full if its use goes on as in the last day: by the straight line
 * that fits the samples best. Infinity while it does not grow; undefined before it is known.
 */
export function timeToFull(history: UsageHistory, size: bigint, now: Instant): Millis | undefined {
  const { samples } = history;
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const free = Number(size) - last.inUse;
  if (free <= 0) return 0;
  if (last.at - first.at < LEAST_MS) return undefined;
  const perMs = slope(samples);
  if (perMs <= 0) return Infinity;
  return Math.max(0, last.at + free / perMs - now);
}

/** Least squares, in addresses a millisecond. */
function slope(samples: UsageHistory["samples"]): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const atMean = mean(samples.map(({ at }) => at));
  const useMean = mean(samples.map(({ inUse }) => inUse));
  let [above, below] = [0, 0];
  for (const { at, inUse } of samples) {
    above += (at - atMean) * (inUse - useMean);
    below += (at - atMean) ** 2;
  }
  return above / below;
}
