// Sorts the test files into lanes: processes of their own that run side by side.

/** Test files that one process runs one after the other. */
export interface Lane {
  readonly name: string;
  /** How much of a core its tests keep busy, so that the machine is not asked for more than it has. */
  readonly cores: number;
  /** Its tests measure short times: no busy lane runs beside it. */
  readonly punctual: boolean;
  readonly files: readonly string[];
}

interface Kind extends Omit<Lane, "files"> {
  /** A file belongs to the first kind that knows its path. */
  readonly paths: RegExp;
}

/** In the order in which they begin: what waits most and what must be punctual comes first. */
const KINDS: readonly Kind[] = [
  {
    name: "failover",
    cores: 0.4,
    punctual: true,
    paths: /lan\/(bfd|bgp_frr|ecmp|failover|layer2)/,
  },
  { name: "rows", cores: 0.2, punctual: false, paths: /lan\/.*_rows/ },
  { name: "lan", cores: 0.4, punctual: false, paths: /lan\// },
  { name: "host", cores: 0.5, punctual: true, paths: /tests\/(binary|ffi|host|page|support)\// },
  { name: "cluster", cores: 1, punctual: false, paths: /tests\/(cluster|scenarios)\// },
  { name: "pure", cores: 1, punctual: false, paths: /^/ },
];

/** A lane that keeps a core busy delays what runs beside it. */
function isBusy(lane: Lane): boolean {
  return lane.cores >= 1;
}

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
  if (isBusy(lane) && running.some(({ punctual }) => punctual)) return false;
  if (lane.punctual && running.some(isBusy)) return false;
  return running.reduce((sum, one) => sum + one.cores, lane.cores) <= cores;
}
