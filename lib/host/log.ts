import { type Level, pino } from "pino";

/**
 * Fields of a log line. Fixed names: `component`, `service`, `peer`, `ip`, `node`, `interface`,
 * `reason`, `error`; secrets never.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** One event per line; `msg` is constant text, what varies stands in the fields. */
export interface Log {
  debug(fields: LogFields, msg: string): void;
  info(fields: LogFields, msg: string): void;
  warn(fields: LogFields, msg: string): void;
  error(fields: LogFields, msg: string): void;
  /** A log that adds these fields to each line. */
  child(fields: LogFields): Log;
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
  if (format === "pretty") {
    // Its bundled form has only a default export.
    const { default: pinoPretty } = await import("pino-pretty");
    const pretty = pinoPretty.prettyFactory({
      colorize: Deno.stdout.isTerminal(),
      singleLine: true,
    });
    const encoder = new TextEncoder();
    const log: Log = pino(options, {
      write: (line: string) => void Deno.stdout.writeSync(encoder.encode(pretty(line))),
    });
    return log;
  }
  // A transport would need files beside the binary; the synchronous destination needs none.
  const log: Log = pino(options, pino.destination({ dest: 1, sync: true }));
  return log;
}
