/** Values of which the least is at hand: adding one and taking it cost what the depth is. */
export interface Heap<T> {
  readonly values: T[];
  /** Whether the one comes before the other. */
  readonly precedes: (one: T, other: T) => boolean;
}

export function createHeap<T>(precedes: Heap<T>["precedes"]): Heap<T> {
  return { values: [], precedes };
}

export function addTo<T>({ values, precedes }: Heap<T>, value: T): void {
  let at = values.push(value) - 1;
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = values[up];
    if (parent === undefined || !precedes(value, parent)) break;
    values[at] = parent;
    at = up;
  }
  values[at] = value;
}

/** The least; undefined when there is none. */
export function leastOf<T>({ values }: Heap<T>): T | undefined {
  return values[0];
}

/** Takes the least out; undefined when there is none. */
export function takeLeast<T>({ values, precedes }: Heap<T>): T | undefined {
  const least = values[0];
  const last = values.pop();
  if (last === undefined || values.length === 0) return least;
  let at = 0;
  while (true) {
    const [left, right] = [values[2 * at + 1], values[2 * at + 2]];
    if (left === undefined) break;
    const isRight = right !== undefined && precedes(right, left);
    const child = isRight ? right : left;
    if (!precedes(child, last)) break;
    values[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  values[at] = last;
  return least;
}
