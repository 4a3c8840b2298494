import { type Level, pino } from "pino";

/** What a child log adds to each of its lines; `node` is the one that logs. */
export type BoundFields = Readonly<
  Partial<Record<"component" | "lease" | "node" | "resource", string>>
>;

/** What stands in each line anyway; no line's own field has such a name, for no line repeats a key. */
type TakenKey = keyof BoundFields | "level" | "time" | "msg";

/**
 * Fields of a log line. Fixed names: `service`, `peer`, `ip`, `speaker`, `member`, `interface`,
 * `reason`, `error`; secrets never.
 */
export type LogFields =
  & Readonly<Record<string, unknown>>
  & {
    readonly [Key in TakenKey]?: never;
  };

/** One event per line; `msg` is constant text, what varies is in the fields. */
export interface Log {
  debug(fields: LogFields, msg: string): void;
  info(fields: LogFields, msg: string): void;
  warn(fields: LogFields, msg: string): void;
  error(fields: LogFields, msg: string): void;
  /** A log that adds these fields to each line. */
  child(fields: BoundFields): Log;
}

/** MetalLB's words for `--log-level`. */
export const LOG_LEVELS = ["all", "debug", "info", "warn", "error", "none"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
export type LogFormat = "json" | "pretty";

const PINO_LEVELS: Readonly<Record<LogLevel, Level | "silent">> = {
  all: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  none: "silent",
};

/** Opens the log on standard output; `pretty` is for terminals, its code is loaded only then. */
export async function openLog(level: LogLevel, format: LogFormat): Promise<Log> {
  const options = {
    base: null,
    level: PINO_LEVELS[level],
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (format === "json") {
    // A transport would need files beside the binary; writing ourselves needs none.
    const log: Log = pino(options, { write: writeLine });
    return log;
  }
  // Its bundled form has only a default export.
  const { default: { prettyFactory } } = await import("pino-pretty");
  const colorize = Deno.stdout.isTerminal();
  const pretty = prettyFactory({ colorize, singleLine: true, errorLikeObjectKeys: [] });
  const log: Log = pino(options, { write: (line: string) => writeLine(pretty(line)) });
  return log;
}

const encoder = new TextEncoder();

/** Writes a line at once; where it cannot (full disk, closed pipe) it is lost, and the work goes on. */
function writeLine(line: string): void {
  try {
    for (let rest = encoder.encode(escapeControls(line)); rest.length > 0;) {
      rest = rest.subarray(Deno.stdout.writeSync(rest));
    }
  } catch {
    // There is no other place to tell it; a speaker must not stop for its log.
  }
}

/** JSON leaves these as they are: C1 controls, which terminals obey, and those that turn the direction of text. */
function escapeControls(line: string): string {
  return line.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
