import type { Millis } from "../base/time.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Reads a duration as Go does (time.ParseDuration): `90s`, `1m30s`, `1.5h`, `0`, `+5s`; none below zero. */
export function parseDuration(text: string): Millis | undefined {
  if (/^\+?0$/.test(text)) return 0;
  if (text.length > 64 || !/^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) {
    return undefined;
  }
  let total = 0;
  for (const [, number = "", unit = ""] of text.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(number) * (UNIT_MS[unit] ?? NaN);
  }
  return Number.isFinite(total) ? total : undefined;
}

/** `90s` for whole seconds, else `500ms`: what {@link parseDuration} reads back. */
export function formatDuration(ms: Millis): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
