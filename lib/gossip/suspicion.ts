import { after, type Instant, type Millis } from "../base/time.ts";
import type { GossipTiming, Suspicion } from "./state.ts";

/** Members whose word is hoped for beside the accuser's and one's own. */
const EXPECTED = 4 - 2;

/**
 * Begins a suspicion (memberlist suspicion.go, Lifeguard): the fewer confirm it, the longer the
 * accused has to refute. `members` counts this node too.
 */
export function suspect(
  from: string,
  members: number,
  { probeIntervalMs, suspicionFactor, suspicionMaxFactor }: GossipTiming,
  now: Instant,
): Suspicion {
  const scale = Math.max(1, Math.log10(Math.max(1, members)));
  const minMs = suspicionFactor * scale * probeIntervalMs;
  // A cluster too small for so many confirmations does not wait for them.
  const wanted = members - 2 < EXPECTED ? 0 : EXPECTED;
  return {
    startedAt: now,
    minMs,
    maxMs: suspicionMaxFactor * minMs,
    wanted,
    accusers: new Set([from]),
  };
}

/** Counts a further accuser; whether its word is new and wanted, so that it is passed on. */
export function confirm({ accusers, wanted }: Suspicion, from: string): boolean {
  if (accusers.size - 1 >= wanted || accusers.has(from)) return false;
  accusers.add(from);
  return true;
}

/** When the accused counts as dead. */
export function deathAt({ startedAt, minMs, maxMs, wanted, accusers }: Suspicion): Instant {
  if (wanted === 0) return after(startedAt, minMs);
  const share = Math.log(accusers.size) / Math.log(wanted + 1);
  const timeoutMs: Millis = Math.floor(maxMs - (maxMs - minMs) * share);
  return after(startedAt, Math.max(minMs, timeoutMs));
}
