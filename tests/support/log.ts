import type { BoundFields, Log, LogFields } from "../../lib/host/process/log.ts";

type Write = Log["info"];
type Levels = Omit<Log, "child">;

/**
 * A log that does with a line what the test says, by its level, and drops the others. A line that
 * repeats a key fails its test, whatever becomes of it.
 */
export function logOf(part: Partial<Levels> = {}): Log {
  const drop = () => undefined;
  return bound({ debug: drop, info: drop, warn: drop, error: drop, ...part }, {});
}

function bound(levels: Levels, fields: BoundFields): Log {
  const binding = (write: Write): Write => (own, msg) => {
    refuseRepeated({ level: "", time: "", msg, ...fields }, own);
    write(Object.assign({}, fields, own), msg);
  };
  return {
    debug: binding(levels.debug),
    info: binding(levels.info),
    warn: binding(levels.warn),
    error: binding(levels.error),
    child(more) {
      refuseRepeated(fields, more);
      return bound(levels, { ...fields, ...more });
    },
  };
}

function refuseRepeated(taken: object, fields: object): void {
  const twice = Object.keys(fields).filter((key) => key in taken);
  if (twice.length > 0) throw new Error(`a log line repeats the key ${twice.join(", ")}`);
}

export const SILENT_LOG: Log = logOf();

/** A log that remembers. */
export interface RecordedLog extends Log {
  readonly lines: { level: string; msg: string; fields: LogFields }[];
  /** The messages alone, of all levels or of one. */
  messages(level?: string): string[];
}

export function recordedLog(): RecordedLog {
  const lines: RecordedLog["lines"] = [];
  const at = (level: string) => (fields: LogFields, msg: string) =>
    void lines.push({ level, msg, fields });
  const levels = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return {
    ...logOf(levels),
    lines,
    messages: (level) =>
      lines.filter((line) => level === undefined || line.level === level).map(({ msg }) => msg),
  };
}
