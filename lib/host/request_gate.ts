/** Lets a bounded number of requests run at once. */
export interface RequestGate {
  /**
   * Waits for a place and gives the function that frees it; undefined when the signal fired first.
   * Background work waits until half of the places are free and nobody else is waiting.
   */
  enter(background: boolean, signal: AbortSignal): Promise<(() => void) | undefined>;
}

/** Opens a gate with `places` places. */
export function openRequestGate(places: number): RequestGate {
  let taken = 0;
  const foreground: (() => void)[] = [];
  const background: (() => void)[] = [];

  function admit(): void {
    while (taken < places && foreground.length > 0) start(foreground);
    while (taken < places / 2 && foreground.length === 0 && background.length > 0) {
      start(background);
    }
  }

  function start(queue: (() => void)[]): void {
    taken++;
    queue.shift()?.();
  }

  function leave(): void {
    taken--;
    admit();
  }

  return {
    enter: (isBackground, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve(undefined);
        const queue = isBackground ? background : foreground;
        const go = () => {
          signal.removeEventListener("abort", giveUp);
          resolve(leave);
        };
        const giveUp = () => {
          const place = queue.indexOf(go);
          if (place >= 0) queue.splice(place, 1);
          resolve(undefined);
        };
        signal.addEventListener("abort", giveUp, { once: true });
        queue.push(go);
        admit();
      }),
  };
}
