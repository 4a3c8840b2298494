import { counted } from "../base/counted.ts";
import type { Millis } from "../base/time.ts";

/** `full in about 3 days`: a forecast is no better than that. */
export function fullText(ms: Millis): string {
  if (ms === 0) return "full";
  const hours = ms / 3_600_000;
  if (hours > 365 * 24) return "full in more than a year";
  if (hours >= 48) return `full in about ${counted(Math.round(hours / 24), "day")}`;
  return hours >= 2
    ? `full in about ${counted(Math.round(hours), "hour")}`
    : "full in less than two hours";
}
