import { counted } from "../base/counted.ts";
import { type ConfigProblem, errorText } from "../base/errors.ts";
import { type ExpectedConfigMap, namesOf, readSource } from "../config/manifest.ts";
import { renderProblems, reported } from "../config/report.ts";
import type { Config } from "../config/types.ts";
import { systemClock } from "../host/process/clock.ts";
import type { SourceOptions } from "../host/process/options.ts";
import { readSources, type SourceText } from "../host/inspect/sources.ts";
import { withInForce } from "../host/inspect/in_force.ts";
import { askSpeakers } from "../host/inspect/speakers.ts";
import { takeSnapshot, takeSpeakerNodes } from "../host/inspect/snapshot.ts";
import type { MetallbVersion } from "../speaker/judgement.ts";
import type { OutputFormat } from "./arguments.ts";
import { impactOf, type ImpactReport, impactText } from "./impact.ts";
import { writeText } from "./output.ts";

interface ValidateRequest {
  readonly sources: readonly string[];
  /** The ConfigMap that counts; undefined: any. */
  readonly expected: ExpectedConfigMap | undefined;
  /** Where the Services and the configuration in force are; undefined checks the files alone. */
  readonly against: SourceOptions | undefined;
  /** The MetalLB that announces there. */
  readonly compat: MetallbVersion | undefined;
  readonly output: OutputFormat;
}

/** What was found in one file. */
interface Validation {
  readonly source: string;
  readonly good: boolean;
  readonly problems: readonly ConfigProblem[];
  /** How many configurations stand where Herald reads them, wrong ones too. */
  readonly count: number;
  /** Those of them that can be used. */
  readonly configs: readonly Config[];
  /** The kinds of the objects without configuration, one for each object. */
  readonly others: readonly string[];
  /** For people: problems with their lines, then what it holds. */
  readonly text: string;
}

/**
 * `herald validate`: every mistake of every file and, with `--against`, what the configuration
 * would change. Exit code 1 for a mistake, an address that would be lost, and where nothing was
 * configuration: a check that checked nothing has failed. 2 for a folder that is none.
 */
export async function validate(request: ValidateRequest): Promise<number> {
  const { against, compat, expected, output, sources } = request;
  if (against?.store !== undefined && !isFolder(against.store)) {
    await writeText(
      Deno.stderr,
      `herald: --against=${against.store} is neither "cluster" nor a folder\n`,
    );
    return 2;
  }
  const checked: Validation[] = [];
  for await (const source of readSources(sources, Deno.stdin.readable, systemClock)) {
    const one = validateSource(source, expected);
    checked.push(one);
    if (output === "text") await writeText(Deno.stdout, one.text);
  }
  if (output === "text") {
    await writeText(
      Deno.stdout,
      othersText(checked.flatMap(({ others }) => others)),
    );
  }
  const areGood = checked.every((one) => one.good);
  let impact: ImpactReport | undefined;
  let failure = checked.some(({ count, good }) => count > 0 || !good)
    ? undefined
    : nothingRead(expected);
  if (areGood && failure === undefined && against !== undefined) {
    try {
      const config = onlyConfig(checked);
      const [snapshot, { speakers, unread }] = await Promise.all([
        takeSnapshot(against),
        takeSpeakerNodes(against),
      ]);
      // Only where what stands there is not in force the roles must be asked what is.
      const told = snapshot.config === undefined
        ? (await askSpeakers(against, snapshot.description)).inForce
        : undefined;
      const read = withInForce(snapshot, told);
      const known = { ...read, unread: [...read.unread, ...unread] };
      impact = impactOf(config, known, against.lbClass, { compat, speakers });
      if (output === "text") await writeText(Deno.stdout, impactText(impact));
    } catch (error) {
      failure = errorText(error);
    }
  }
  if (failure !== undefined) await writeText(Deno.stderr, `herald: ${failure}\n`);
  const good = areGood && failure === undefined && (impact?.lost.length ?? 0) === 0;
  if (output === "json") {
    const files = checked.map(({ source, good, problems }) => ({
      source,
      good,
      problems: problems.map(reported),
    }));
    await writeText(Deno.stdout, `${JSON.stringify({ good, files, impact, failure }, null, 2)}\n`);
  }
  return good ? 0 : 1;
}

function nothingRead(expected: ExpectedConfigMap | undefined): string {
  const where = expected === undefined ? "" : ` ${namesOf(expected)}`;
  return `nothing of it is configuration that Herald reads; that is a ConfigMap${where} with the ` +
    'key "config", or a file of address-pools and peers alone';
}

/** `no configuration in 3 other objects: Deployment, Service`; nothing for none. */
export function othersText(kinds: readonly string[]): string {
  if (kinds.length === 0) return "";
  const names = [...new Set(kinds)].sort().join(", ");
  return `no configuration in ${counted(kinds.length, "other object")}: ${names}\n`;
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
      : `There are ${
        counted(configs.length, "configuration")
      } in ${sources}; compare one at a time`,
  );
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // Absent, or not ours to see.
  }
}

function validateSource(source: SourceText, expected: ExpectedConfigMap | undefined): Validation {
  const { name } = source;
  if (source.kind === "text") return validateText(source.text, name, expected, source.searched);
  const message = `cannot be read: ${source.reason}`;
  const problem: ConfigProblem = {
    severity: "error",
    place: { kind: "text", source: name, line: 1, column: 1 },
    message,
  };
  return {
    source: name,
    good: false,
    problems: [problem],
    count: 0,
    configs: [],
    others: [],
    text: `${name}: ${message}\n`,
  };
}

/** What `herald validate` finds in one file; `searched` as in {@link SourceText}. */
export function validateText(
  text: string,
  source: string,
  expected: ExpectedConfigMap | undefined,
  searched: boolean,
): Validation {
  const parts = readSource(text, source, { expected, searched });
  const found = parts.filter((part) => part.kind === "configuration");
  const problems = parts.flatMap((part) =>
    part.kind === "configuration"
      ? part.found.problems
      : part.kind === "unread"
      ? part.problems
      : []
  );
  const summaries = found.map(({ what, found: { config } }) =>
    config === undefined
      ? ""
      : `${source}: ${what}: good, ${counted(config.pools.length, "pool")}, ${
        counted(config.peers.length, "peer")
      }\n`
  );
  return {
    source,
    good: problems.every(({ severity }) => severity === "warning"),
    problems,
    count: found.length,
    configs: found.flatMap(({ found: { config } }) => config ?? []),
    others: parts.flatMap((part) => part.kind === "other" ? part.what : []),
    text: renderProblems(problems, text) + summaries.join(""),
  };
}
