/** Those who wait for a reading that begins after they asked. */
export interface Askers {
  readonly waiting: boolean;
  /** Settles with the first good reading that begins from now on. */
  ask(): Promise<void>;
  /** Reads; who asked before is answered when the result is good, else with the next one. */
  answerWith<T>(read: () => Promise<T>, isGood: (result: T) => boolean): Promise<T>;
  /** There will be no more readings. */
  dismiss(): void;
}

/** Begins with nobody. */
export function createAskers(): Askers {
  const asking: (() => void)[] = [];
  let dismissed = false;
  return {
    get waiting() {
      return asking.length > 0;
    },
    ask: () => new Promise((answer) => dismissed ? answer() : asking.push(answer)),
    async answerWith(read, isGood) {
      const asked = asking.splice(0);
      let good = false;
      try {
        const result = await read();
        good = isGood(result);
        return result;
      } finally {
        if (good) asked.forEach((answer) => answer());
        else asking.push(...asked);
      }
    },
    dismiss() {
      dismissed = true;
      asking.splice(0).forEach((answer) => answer());
    },
  };
}
