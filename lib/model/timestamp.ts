const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Milliseconds since 1970 of an RFC 3339 timestamp, or undefined when the text is none.
 * Own arithmetic, because pure layers keep away from the clock's `Date`.
 */
export function parseTimestamp(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offHour, offMinute] = match;
  const days = daysSince1970(Number(year), Number(month), Number(day));
  if (days === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) {
    return undefined;
  }
  const offsetMinutes = sign === undefined
    ? 0
    : (Number(offHour) * 60 + Number(offMinute)) * (sign === "-" ? -1 : 1);
  const minutes = days * 1440 + Number(hour) * 60 + Number(minute) - offsetMinutes;
  return minutes * 60_000 + Number(second) * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3));
}

/**
 * The time of so many milliseconds since 1970 as Kubernetes' MicroTime: RFC 3339, UTC, always six
 * decimals.
 */
export function formatMicroTime(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  const rest = Math.floor(ms - days * 86_400_000);
  const { year, month, day } = dateOf(days);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map(two).join(":");
  const fraction = `${String(rest % 1000).padStart(3, "0")}000`;
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${time}.${fraction}Z`;
}

/** The reverse of {@link daysSince1970}; eras of 400 years that begin in March. */
function dateOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra -
    (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar, years beginning in March. */
function daysSince1970(year: number, month: number, day: number): number | undefined {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const length = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  if (month < 1 || month > 12 || day < 1 || day > length) return undefined;
  const shifted = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return shifted * 365 + Math.floor(shifted / 4) - Math.floor(shifted / 100) +
    Math.floor(shifted / 400) + dayOfYear - 719_468;
}
