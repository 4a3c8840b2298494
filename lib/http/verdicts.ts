import { after, type Instant, type Millis } from "../base/time.ts";

/** What the API server says of a token that asks for a page. */
export type Verdict = "allowed" | "unauthenticated" | "forbidden";

interface VerdictLimits {
  /** So long one counts: a right that is taken away is gone after it. */
  readonly allowedMs: Millis;
  /** So long a refusal counts: a right that is given is there after it. */
  readonly refusedMs: Millis;
  /** So long what was allowed counts while the API server does not answer. */
  readonly lastGoodMs: Millis;
  /** So long it is not asked again after it did not answer. */
  readonly restMs: Millis;
  /** How many are remembered. */
  readonly entries: number;
  /** How often it is asked about tokens that were not allowed before, a second and at once. */
  readonly strangersPerSecond: number;
  readonly strangersAtOnce: number;
}

/** Fit for a few Prometheuses, which ask every 15 to 60 seconds, and a few people. */
export const VERDICT_LIMITS: VerdictLimits = {
  allowedMs: 30_000,
  refusedMs: 5_000,
  lastGoodMs: 300_000,
  restMs: 2_000,
  entries: 256,
  strangersPerSecond: 5,
  strangersAtOnce: 20,
};

interface Known {
  readonly verdict: Verdict;
  readonly at: Instant;
}

/** What is known, by a digest of token and page, those first that were not told for longest. Updated in place. */
export interface Verdicts {
  readonly limits: VerdictLimits;
  readonly known: Map<string, Known>;
  /** The API server is let alone until then. */
  restUntil: Instant;
  strangers: number;
  at: Instant;
}

/** What to do for a request: answer by a verdict, ask, or say that it cannot be known now. */
export type Decision =
  | { readonly kind: "verdict"; readonly verdict: Verdict }
  | { readonly kind: "ask" }
  | { readonly kind: "unknown" };

export function createVerdicts(now: Instant, limits: VerdictLimits = VERDICT_LIMITS): Verdicts {
  return { limits, known: new Map(), restUntil: now, strangers: limits.strangersAtOnce, at: now };
}

/** Whether what is known does, or the API server is to be asked. */
export function decide(verdicts: Verdicts, key: string, now: Instant): Decision {
  const { known, limits, restUntil } = verdicts;
  const found = known.get(key);
  if (found !== undefined) {
    const freshMs = found.verdict === "allowed" ? limits.allowedMs : limits.refusedMs;
    if (now < after(found.at, freshMs)) return { kind: "verdict", verdict: found.verdict };
  }
  if (now < restUntil) return withoutAnswer(verdicts, key, now);
  // Who was allowed before must not wait behind a crowd that tries tokens.
  if (found?.verdict === "allowed" || takeStranger(verdicts, now)) return { kind: "ask" };
  return { kind: "unknown" };
}

/** The API server has answered. */
export function learn(verdicts: Verdicts, key: string, verdict: Verdict, now: Instant): void {
  const { known, limits } = verdicts;
  known.delete(key);
  if (known.size >= limits.entries) forgetOne(known);
  known.set(key, { verdict, at: now });
}

/** What was said of it counts no more. */
export function forget({ known }: Verdicts, key: string): void {
  known.delete(key);
}

/** The API server did not answer: what counts now, which is never more than what it said itself. */
export function missAnswer(verdicts: Verdicts, key: string, now: Instant): Decision {
  verdicts.restUntil = after(now, verdicts.limits.restMs);
  return withoutAnswer(verdicts, key, now);
}

function withoutAnswer({ known, limits }: Verdicts, key: string, now: Instant): Decision {
  const found = known.get(key);
  const isGood = found?.verdict === "allowed" && now < after(found.at, limits.lastGoodMs);
  return isGood ? { kind: "verdict", verdict: "allowed" } : { kind: "unknown" };
}

function takeStranger(verdicts: Verdicts, now: Instant): boolean {
  const { strangersAtOnce, strangersPerSecond } = verdicts.limits;
  const earned = Math.max(0, now - verdicts.at) / 1_000 * strangersPerSecond;
  verdicts.strangers = Math.min(strangersAtOnce, verdicts.strangers + earned);
  verdicts.at = now;
  if (verdicts.strangers < 1) return false;
  verdicts.strangers--;
  return true;
}

/** The oldest refusal, for whoever tries tokens must not drive out who may; else the oldest. */
function forgetOne(known: Map<string, Known>): void {
  const oldest = known.keys().next().value;
  const refused = [...known].find(([, { verdict }]) => verdict !== "allowed")?.[0];
  const one = refused ?? oldest;
  if (one !== undefined) known.delete(one);
}
