/** Callers waiting for a list that starts after their call, so that it includes their own writes. */
export interface Barrier {
  readonly waiting: boolean;
  /** Settles with the first good list that starts from now on. */
  wait(): Promise<void>;
  /** Lists; callers that waited before are let through by a good result, else by the next one. */
  passWith<T>(list: () => Promise<T>, isGood: (result: T) => boolean): Promise<T>;
  /** There will be no more lists: lets everybody through. */
  dismiss(): void;
}

/** Makes a barrier at which nobody waits. */
export function createBarrier(): Barrier {
  const waiting: (() => void)[] = [];
  let dismissed = false;
  return {
    get waiting() {
      return waiting.length > 0;
    },
    wait: () => new Promise((pass) => dismissed ? pass() : waiting.push(pass)),
    async passWith(list, isGood) {
      const before = waiting.splice(0);
      let good = false;
      try {
        const result = await list();
        good = isGood(result);
        return result;
      } finally {
        if (good) before.forEach((pass) => pass());
        else waiting.push(...before);
      }
    },
    dismiss() {
      dismissed = true;
      waiting.splice(0).forEach((pass) => pass());
    },
  };
}
