/** So many texts at most: nobody reads on. */
const MOST = 10;

/**
 * The first of these texts, ten at most and fewer where `room` characters do not hold them, and how
 * many more there are: an event must not be so long that its end is cut off.
 */
export function someOf(texts: readonly string[], separator: string, room: number): string {
  let told = "";
  let count = 0;
  for (const text of texts.slice(0, MOST)) {
    const longer = count === 0 ? text : told + separator + text;
    if (longer.length > room && count > 0) break;
    told = longer.length > room ? `${longer.slice(0, Math.max(0, room - 1))}…` : longer;
    count++;
  }
  return count < texts.length ? `${told}${separator}and ${texts.length - count} more` : told;
}
