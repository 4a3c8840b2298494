import { type ConfigProblem, errorText } from "../base/errors.ts";
import { readSource } from "../config/manifest.ts";
import { renderProblems, reported } from "../config/report.ts";
import type { Config } from "../config/types.ts";
import type { SourceOptions } from "../host/process/options.ts";
import { takeSnapshot } from "../host/inspect/snapshot.ts";
import type { OutputFormat } from "./arguments.ts";
import { impactOf, type ImpactReport, impactText } from "./impact.ts";

interface ValidateRequest {
  readonly sources: readonly string[];
  /** Where the Services and the configuration in force are; undefined checks the files alone. */
  readonly against: SourceOptions | undefined;
  readonly output: OutputFormat;
}

/** What was found in one file. */
interface Validation {
  readonly source: string;
  readonly good: boolean;
  readonly problems: readonly ConfigProblem[];
  /** The configurations in it that can be used. */
  readonly configs: readonly Config[];
  /** For people: problems with their lines, then what it holds. */
  readonly text: string;
}

/**
 * `herald validate`: every mistake of every file and, with `--against`, what the configuration
 * would change. Exit code 1 for a mistake or an address that would be lost, 2 for a folder that is
 * none.
 */
export async function validate({ sources, against, output }: ValidateRequest): Promise<number> {
  if (against?.store !== undefined && !isFolder(against.store)) {
    await write(
      Deno.stderr,
      `herald: --against=${against.store} is neither "cluster" nor a folder\n`,
    );
    return 2;
  }
  const checked = await Promise.all(sources.map(validateFile));
  if (output === "text") await write(Deno.stdout, checked.map(({ text }) => text).join(""));
  const good = checked.every((one) => one.good);
  let impact: ImpactReport | undefined;
  let failure: string | undefined;
  if (good && against !== undefined) {
    try {
      impact = impactOf(onlyConfig(checked), await takeSnapshot(against), against.lbClass);
      if (output === "text") await write(Deno.stdout, impactText(impact));
    } catch (error) {
      failure = errorText(error);
      await write(Deno.stderr, `herald: ${failure}\n`);
    }
  }
  if (output === "json") {
    const files = checked.map(({ source, good, problems }) => ({
      source,
      good,
      problems: problems.map(reported),
    }));
    await write(Deno.stdout, `${JSON.stringify({ good, files, impact, failure }, null, 2)}\n`);
  }
  return good && failure === undefined && (impact?.lost.length ?? 0) === 0 ? 0 : 1;
}

/** @throws Error when the files together hold none, or more than one can be in force */
function onlyConfig(checked: readonly Validation[]): Config {
  const configs = checked.flatMap(({ configs }) => configs);
  const [config] = configs;
  if (config !== undefined && configs.length === 1) return config;
  const sources = checked.map(({ source }) => source).join(", ");
  throw new Error(
    configs.length === 0
      ? `There is no configuration in ${sources} that could be compared`
      : `There are ${configs.length} configurations in ${sources}; compare one at a time`,
  );
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // Absent, or not ours to see.
  }
}

async function write(to: typeof Deno.stdout, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

async function validateFile(source: string): Promise<Validation> {
  let bytes: Uint8Array;
  try {
    // A FIFO or a device would be read without end.
    if (!(await Deno.stat(source)).isFile) throw new Error("it is no regular file");
    bytes = await Deno.readFile(source);
  } catch (error) {
    const message = `cannot be read: ${errorText(error)}`;
    const problem: ConfigProblem = {
      severity: "error",
      place: { kind: "text", source, line: 1, column: 1 },
      message,
    };
    const text = `${source}: ${message}\n`;
    return { source, good: false, problems: [problem], configs: [], text };
  }
  return validateText(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), source);
}

/** What `herald validate` finds in one file. */
export function validateText(text: string, source: string): Validation {
  const parts = readSource(text, source);
  const problems = parts.flatMap(({ found }) => found?.problems ?? []);
  const good = problems.every(({ severity }) => severity === "warning");
  const summaries = parts.map(({ what, found }) => {
    if (found === undefined) return `${source}: ${what}: no configuration in it\n`;
    if (found.config === undefined) return "";
    const { pools, peers } = found.config;
    return `${source}: ${what}: good, ${counted(pools.length, "pool")}, ${
      counted(peers.length, "peer")
    }\n`;
  });
  return {
    source,
    good,
    problems,
    configs: parts.flatMap(({ found }) => found?.config ?? []),
    text: renderProblems(problems, text) + summaries.join(""),
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
