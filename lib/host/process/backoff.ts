import { type Instant, instant, type Millis, type Random } from "../../base/time.ts";

const FLOOR_MS = 200;
const CEILING_MS = 30_000;

/**
 * How long to wait before try number `attempt` (0 for the first repetition): anywhere between
 * 0.2 s and a bound that doubles from 0.4 s to 30 s, so that many clients do not come back
 * together. A server's Retry-After is a lower bound.
 */
export function retryDelayMs(attempt: number, random: Random, retryAfterMs: Millis = 0): Millis {
  const bound = Math.min(CEILING_MS, 2 * FLOOR_MS * 2 ** Math.min(attempt, 10));
  const jittered = FLOOR_MS + random() * (bound - FLOOR_MS);
  return retryAfterMs > 0 ? retryAfterMs + random() * FLOOR_MS : jittered;
}

/** Reads a Retry-After header, seconds or an HTTP date; at most 60 s whatever it asks. */
export function parseRetryAfter(header: string | null, wallClockMs: number): Millis | undefined {
  if (header === null) return undefined;
  const wait = /^\d+$/.test(header.trim())
    ? Number(header.trim()) * 1000
    : Date.parse(header) - wallClockMs;
  return Number.isNaN(wait) ? undefined : Math.min(60_000, Math.max(0, wait));
}

/** A gate that opens at most once per `intervalMs`: keeps a repeated failure from flooding logs. */
export function oncePer(intervalMs: Millis, now: () => Instant): () => boolean {
  let next = instant(-Infinity);
  return () => {
    if (now() < next) return false;
    next = instant(now() + intervalMs);
    return true;
  };
}

/** So many causes are remembered: they may carry a peer's words, which have no end. */
const CAUSES = 100;

/** Such a gate for each cause, so that a frequent failure does not hide a rare one. */
export function oncePerCause(
  intervalMs: Millis,
  now: () => Instant,
): (cause: string) => boolean {
  const gates = new Map<string, () => boolean>();
  return (cause) => {
    if (gates.size > CAUSES) gates.clear();
    const gate = gates.get(cause) ?? oncePer(intervalMs, now);
    gates.set(cause, gate);
    return gate();
  };
}
