import type { Log, LogFields } from "../../lib/host/process/log.ts";

/** A log that does with a line what the test says, by its level, and drops the others. */
export function logOf(part: Partial<Omit<Log, "child">> = {}): Log {
  const drop = () => undefined;
  const log: Log = { debug: drop, info: drop, warn: drop, error: drop, ...part, child: () => log };
  return log;
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
  const log: RecordedLog = {
    ...levels,
    lines,
    messages: (level) =>
      lines.filter((line) => level === undefined || line.level === level).map(({ msg }) => msg),
    child: () => log,
  };
  return log;
}
