const RFC3339 =
  /^(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Milliseconds since 1970 of an RFC 3339 timestamp, or undefined when the text is none. */
export function parseTimestamp(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, date, hour, minute, second, fraction = "", sign, offHour, offMinute] = match;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // A day that the month has not is taken for one of the next month.
  if (Number.isNaN(midnight) || !formatMicroTime(midnight).startsWith(`${date}T`)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const offsetMinutes = sign === undefined
    ? 0
    : (Number(offHour) * 60 + Number(offMinute)) * (sign === "-" ? -1 : 1);
  const minutes = Number(hour) * 60 + Number(minute) - offsetMinutes;
  return midnight + minutes * 60_000 + Number(second) * 1000 +
    Number(fraction.padEnd(3, "0").slice(0, 3));
}

/**
 * The time of so many milliseconds since 1970 as Kubernetes' MicroTime: RFC 3339, UTC, always six
 * decimals.
 */
export function formatMicroTime(ms: number): string {
  return new Date(Math.floor(ms)).toISOString().replace("Z", "000Z");
}
