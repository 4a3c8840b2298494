import type { Instant, Millis } from "../base/time.ts";

/** How much of the event loop the pages may take. */
interface RationLimits {
  /** Work for each second that passes. */
  readonly perSecondMs: Millis;
  /** What may lie saved up, for who asks once in a while. */
  readonly savedMs: Millis;
  /** What may be owed: so much is waited for at most. */
  readonly owedMs: Millis;
}

/** Of what is read from the status: the page and the JSON. */
export const STATUS_RATION: RationLimits = { perSecondMs: 35, savedMs: 100, owedMs: 175 };
/** Of the metrics. Both together are a twentieth of the event loop. */
export const METRICS_RATION: RationLimits = { perSecondMs: 15, savedMs: 100, owedMs: 75 };

/** Work that may be done now, in milliseconds; negative when it is owed. Updated in place. */
export interface Ration {
  readonly limits: RationLimits;
  leftMs: Millis;
  at: Instant;
}

export function createRation(now: Instant, limits: RationLimits): Ration {
  return { limits, leftMs: limits.savedMs, at: now };
}

/** Whether all that may be owed is owed, so that nothing at all may be made. */
export function isSpent({ leftMs, limits }: Ration): boolean {
  return leftMs <= -limits.owedMs;
}

/** Whether something may be made anew, or what was made before must do. */
export function mayWork(ration: Ration, now: Instant): boolean {
  const { perSecondMs, savedMs } = ration.limits;
  const earnedMs = Math.max(0, now - ration.at) * perSecondMs / 1_000;
  ration.leftMs = Math.min(savedMs, ration.leftMs + earnedMs);
  ration.at = now;
  return ration.leftMs > 0;
}

/** What making it has taken. */
export function charge(ration: Ration, ms: Millis): void {
  ration.leftMs = Math.max(-ration.limits.owedMs, ration.leftMs - ms);
}
