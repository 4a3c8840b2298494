import { Counter, Gauge, Histogram, type Registry } from "prom-client";

type Declared<L extends string> = readonly [
  name: string,
  help: string,
  labelNames?: readonly L[],
  /** Runs before each scrape. */
  collect?: () => void,
];

/** Declares metrics in one registry. */
interface Declare {
  gauge<L extends string = never>(...metric: Declared<L>): Gauge<L>;
  counter<L extends string = never>(...metric: Declared<L>): Counter<L>;
  histogram(name: string, help: string, buckets: number[]): Histogram;
}

/** The metrics of one process go to one registry. */
export function declareIn(registry: Registry): Declare {
  const registers = [registry];
  return {
    gauge: (name, help, labelNames = [], collect) =>
      new Gauge({ name, help, labelNames, registers, collect }),
    counter: (name, help, labelNames = [], collect) =>
      new Counter({ name, help, labelNames, registers, collect }),
    histogram: (name, help, buckets) => new Histogram({ name, help, buckets, registers }),
  };
}
