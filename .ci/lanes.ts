// Sorts the test files into lanes: processes of their own that run side by side.

/** Test files that one process runs one after the other. */
export interface Lane {
  readonly name: string;
  /** Computes more than it waits: it would delay what measures times beside it. */
  readonly busy: boolean;
  /** How much of a core it is given, so that the machine is not asked for more than it has. */
  readonly cores: number;
  readonly files: readonly string[];
}

interface Kind extends Omit<Lane, "files"> {
  /** A file belongs to the first kind that knows its path. */
  readonly paths: RegExp;
}

/**
 * In the order in which they begin. Measured on two cores: `failover` keeps 0.9 of a core busy for
 * 90 s and measures gaps of 400 ms, so it is given more; `rows` 0.25 for 330 s, `lan` 0.3 for 270 s,
 * `cluster` 0.85 for 270 s, and beside it one after the other `host` for 130 s and `pure` for 110 s.
 * `node` counts what traffic loses on real kubelets, for 190 s, and runs alone: two kubelets that
 * start pods take a core and more, and what they delay would count as lost.
 * `pure` has the image and the release, of which each makes what the other looks at.
 * `host` builds and compiles now and then: beside the first three it delayed what they measure.
 */
const KINDS: readonly Kind[] = [
  { name: "failover", busy: false, cores: 1.6, paths: /lan\/(bfd|ecmp|failover)/ },
  { name: "node", busy: false, cores: 2, paths: /node\/(config|failure|rollout)/ },
  { name: "rows", busy: false, cores: 0.3, paths: /lan\/.*_rows/ },
  { name: "lan", busy: false, cores: 0.4, paths: /(lan|demo)\// },
  { name: "cluster", busy: true, cores: 1, paths: /tests\/(cluster|node|scenarios)\// },
  { name: "host", busy: true, cores: 1, paths: /tests\/(binary|ffi|host|page|support)\// },
  { name: "pure", busy: true, cores: 1, paths: /^/ },
];

/** The lanes of these files, without the empty ones. */
export function lanesOf(files: readonly string[]): Lane[] {
  const kindOf = (file: string) => KINDS.find(({ paths }) => paths.test(file));
  return KINDS
    .map((kind) => ({ ...kind, files: files.filter((file) => kindOf(file) === kind) }))
    .filter((lane) => lane.files.length > 0);
}

/** Whether a lane may begin beside those that run, on a machine with so many cores. */
export function mayBegin(lane: Lane, running: readonly Lane[], cores: number): boolean {
  if (running.length === 0) return true;
  if (running.some(({ busy }) => busy !== lane.busy)) return false;
  return running.reduce((sum, one) => sum + one.cores, lane.cores) <= cores;
}
