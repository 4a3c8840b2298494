/** Lets a bounded number of requests run at once. */
interface RequestGate {
  /**
   * Waits for a place and gives the function that frees it; undefined when the signal fired first.
   * Background work waits until half of the places are free and nothing else waits.
   */
  enter(background: boolean, signal: AbortSignal): Promise<(() => void) | undefined>;
}

/** A request that waits; one that gave up keeps its turn and lets it pass. */
interface Waiter {
  readonly signal: AbortSignal;
  readonly resolve: (leave: (() => void) | undefined) => void;
}

/** Opens a gate with `places` places. */
export function openRequestGate(places: number): RequestGate {
  let taken = 0;
  const foreground: Waiter[] = [];
  const background: Waiter[] = [];
  // One listener for each signal: taking one of ten thousand off a signal looks at all of them.
  const waiting = new Map<AbortSignal, Set<Waiter>>();

  function admit(): void {
    while (taken < places && start(foreground));
    while (taken < places / 2 && foreground.length === 0 && start(background));
  }

  /** Lets the next one in; false when none is left. */
  function start(queue: Waiter[]): boolean {
    const waiter = queue.shift();
    if (waiter === undefined) return false;
    const others = waiting.get(waiter.signal);
    if (others?.delete(waiter) !== true) return true;
    if (others.size === 0) {
      waiting.delete(waiter.signal);
      waiter.signal.removeEventListener("abort", giveUp);
    }
    taken++;
    waiter.resolve(leave);
    return true;
  }

  function leave(): void {
    taken--;
    admit();
  }

  function giveUp({ currentTarget }: Event): void {
    if (!(currentTarget instanceof AbortSignal)) return;
    const gone = waiting.get(currentTarget) ?? [];
    waiting.delete(currentTarget);
    currentTarget.removeEventListener("abort", giveUp);
    for (const { resolve } of gone) resolve(undefined);
  }

  function join(waiter: Waiter): void {
    const others = waiting.get(waiter.signal);
    if (others !== undefined) return void others.add(waiter);
    waiting.set(waiter.signal, new Set([waiter]));
    waiter.signal.addEventListener("abort", giveUp);
  }

  return {
    enter: (isBackground, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve(undefined);
        const waiter = { signal, resolve };
        join(waiter);
        (isBackground ? background : foreground).push(waiter);
        admit();
      }),
  };
}
