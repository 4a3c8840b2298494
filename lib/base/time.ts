/** A length of time in milliseconds. */
export type Millis = number;

/** Monotonic milliseconds; never wall time. Made by the host's clock or by a test. */
export type Instant = number & { readonly __brand: "Instant" };

/** Brands monotonic milliseconds as an {@link Instant}. */
export function instant(ms: number): Instant {
  return ms as Instant;
}

/** The instant `ms` after `from`. */
export function after(from: Instant, ms: Millis): Instant {
  return (from + ms) as Instant;
}

/** A source of numbers in [0, 1); the host's is real, a test's is seeded. */
export type Random = () => number;

/** The first of these; undefined where none is set. */
export function earliest(...dues: readonly (Instant | undefined)[]): Instant | undefined {
  const set = dues.filter((due) => due !== undefined);
  return set.length === 0 ? undefined : instant(Math.min(...set));
}
