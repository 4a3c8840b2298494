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

/**
 * A seeded {@link Random} (mulberry32): equal seeds give equal sequences on every machine.
 * For jitter and tests, never for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
