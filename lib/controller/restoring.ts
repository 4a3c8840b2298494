import { after, type Instant, type Millis } from "../base/time.ts";

/** How often a Service's status was put right because somebody else wrote another one. */
export interface Restoring {
  /** What it was written to each time. */
  readonly wish: string;
  /** Writes of the same wish after the first one. */
  readonly times: number;
  /** When the last of them was written. */
  readonly at: Instant;
}

/** So often it is put right at once: somebody may have written it once, by mistake. */
const AT_ONCE = 2;
const LEAST_PAUSE_MS: Millis = 1_000;
const MOST_PAUSE_MS: Millis = 30_000;
const TOLD_EACH = 10;
/** Who has let it be for so long is forgotten. */
const FORGOTTEN_MS: Millis = 5 * 60_000;

/** A status was written as wished. */
export function afterWrite(before: Restoring | undefined, wish: string, now: Instant): Restoring {
  return isOf(before, wish, now)
    ? { wish, times: before.times + 1, at: now }
    : { wish, times: 0, at: now };
}

/** When the wish may be written: at once, or later where somebody else keeps writing another status. */
export function writeDue(before: Restoring | undefined, wish: string, now: Instant): Instant {
  if (!isOf(before, wish, now) || before.times < AT_ONCE) return now;
  const pauseMs = Math.min(LEAST_PAUSE_MS * 2 ** (before.times - AT_ONCE), MOST_PAUSE_MS);
  return after(before.at, pauseMs);
}

/** Whether a person is told now that somebody else writes it too: at the first pause, then rarely. */
export function isTold({ times }: Restoring): boolean {
  return times === AT_ONCE || times % TOLD_EACH === 0;
}

function isOf(
  before: Restoring | undefined,
  wish: string,
  now: Instant,
): before is Restoring {
  return before?.wish === wish && now < after(before.at, FORGOTTEN_MS);
}
