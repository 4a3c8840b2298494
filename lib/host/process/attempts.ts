/** Things to do one after the other, where the failure of one must not cost the others. */
export interface Attempts {
  /** Runs it; an error waits for {@link Attempts.end}. Gives whether it came through. */
  run(task: () => void): boolean;
  /** @throws the error of the task that failed, or an AggregateError of several */
  end(): void;
}

/** Begins without a failure. */
export function createAttempts(): Attempts {
  const failures: unknown[] = [];
  return {
    run(task) {
      try {
        task();
        return true;
      } catch (error) {
        failures.push(error);
        return false;
      }
    },
    end() {
      if (failures.length === 1) throw failures[0];
      if (failures.length > 1) throw new AggregateError(failures, String(failures[0]));
    },
  };
}
