/** What happens at a moment; of one moment's, in the order in which they were asked for. */
interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is due, the earliest first: a heap. */
export interface Queue {
  readonly heap: Due[];
  order: number;
}

/** Begins empty. */
export function createQueue(): Queue {
  return { heap: [], order: 0 };
}

/** When the next is due; never while there is none. */
export function nextAt({ heap }: Queue): number {
  return heap[0]?.at ?? Infinity;
}

/** Adds one. */
export function push(queue: Queue, at: number, run: () => void): void {
  const { heap } = queue;
  const due = { at, order: queue.order++, run };
  let hole = heap.length;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(due, above)) break;
    heap[hole] = above;
    hole = parent;
  }
  heap[hole] = due;
}

/** Takes the earliest. */
export function pop({ heap }: Queue): Due {
  const [first] = heap;
  const last = heap.pop();
  if (first === undefined || last === undefined) throw new RangeError("Nothing is due");
  const { length } = heap;
  if (length === 0) return first;
  let hole = 0;
  for (;;) {
    let child = 2 * hole + 1;
    let least = heap[child];
    if (child >= length || least === undefined) break;
    const right = heap[child + 1];
    if (child + 1 < length && right !== undefined && isBefore(right, least)) {
      child++;
      least = right;
    }
    if (!isBefore(least, last)) break;
    heap[hole] = least;
    hole = child;
  }
  heap[hole] = last;
  return first;
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
