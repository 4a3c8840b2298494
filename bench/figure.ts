/** One line of a benchmark: `ratio` is value over baseline, both measured in the same run. */
export interface Figure {
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  readonly ratio?: number;
  /** What the figure is to keep: `value` or `ratio` at most, or at least, this much. */
  readonly goal?: string;
  readonly holds?: boolean;
}

export interface Goal {
  readonly of: "value" | "ratio";
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Makes a figure, with its ratio and whether it keeps its goal. */
export function figure(
  bench: string,
  value: number,
  unit: string,
  more: { baseline?: number; goal?: Goal } = {},
): Figure {
  const { baseline, goal } = more;
  const ratio = baseline === undefined ? undefined : round(value / baseline);
  const judged = goal?.of === "ratio" ? ratio ?? NaN : value;
  return {
    bench,
    value: round(value),
    unit,
    ...baseline === undefined ? {} : { baseline: round(baseline), ratio },
    ...goal === undefined ? {} : {
      goal: `${goal.of} ${goal.atMost === undefined ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`}`,
      holds: judged <= (goal.atMost ?? Infinity) && judged >= (goal.atLeast ?? -Infinity),
    },
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** The value below which the given share of the samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
