import type { ExpectedConfigMap } from "../config/manifest.ts";
import { nearest } from "../base/nearest.ts";
import { Command, CommanderError, Option } from "commander";
import { type CommandFacts, completionFor, factsOf, SHELLS } from "./completion.ts";
import { configMapNames, type RunOptions, type SourceOptions } from "../host/process/options.ts";
import { type Flags, type Surroundings, UsageError } from "./flag_values.ts";
import {
  readAgainst,
  readCluster,
  readPagePort,
  readReplaced,
  readRunOptions,
  readSourceOptions,
} from "./values.ts";
import { METALLB_VERSIONS, type MetallbVersion } from "../speaker/judgement.ts";
import { addObjectOptions, addSourceOptions, once, oneOf, outputOption } from "./options.ts";
import { addRun } from "./run_flags.ts";

export type OutputFormat = "text" | "json";

/** What the command line asks for. */
export type Request =
  | { readonly kind: "run"; readonly options: RunOptions }
  | {
    readonly kind: "validate";
    readonly sources: readonly string[];
    /** The ConfigMap that counts; undefined: any, for Herald reads a local file. */
    readonly expected: ExpectedConfigMap | undefined;
    /** Where to look for what the configuration would change; undefined: only the files. */
    readonly against: SourceOptions | undefined;
    /** The MetalLB that announces there; undefined: not said. */
    readonly compat: MetallbVersion | undefined;
    readonly output: OutputFormat;
  }
  | {
    readonly kind: "migrate";
    readonly source: SourceOptions;
    readonly compat: MetallbVersion;
    readonly output: OutputFormat;
  }
  | {
    readonly kind: "status";
    /** Where the cluster is whose roles are meant; undefined: those of this machine. */
    readonly cluster:
      | { readonly kubeconfig: string | undefined; readonly namespace: string }
      | undefined;
    /** Of the page of a role of this machine; undefined: of all that run here. */
    readonly port: number | undefined;
    readonly check: boolean;
    readonly output: OutputFormat;
  }
  | {
    readonly kind: "explain";
    readonly service: string;
    readonly source: SourceOptions;
    /** Whether the caller said where the objects are; else the running roles are asked. */
    readonly sourceGiven: boolean;
    readonly output: OutputFormat;
  }
  | { readonly kind: "version" }
  /** Nothing to run: print the text; the code is 0 for help and 2 for wrong usage. */
  | { readonly kind: "print"; readonly text: string; readonly code: 0 | 2 };

/** Reads the command line (without program name). Never throws; wrong usage is a `print`. */
export function parseArguments(argv: readonly string[], around: Surroundings): Request {
  let request: Request | undefined;
  let printed = "";
  const program = buildProgram((made) => request = made, around);
  const write = (text: string) => void (printed += text);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeOut: write, writeErr: write });
  }
  try {
    program.parse(normalise(argv, around), { from: "user" });
  } catch (error) {
    if (error instanceof UsageError) return wrongUsage(`error: ${error.message}\n`, argv);
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "print", text: printed, code: 0 };
    // `herald` alone prints the whole help, which needs no pointer to itself.
    if (error.code === "commander.help") return { kind: "print", text: printed, code: 2 };
    // Not which: it may be the end of a key that has a blank in it.
    if (error.code === "commander.excessArguments") {
      const hint = "a value with blanks needs quotes, and a switch takes no value";
      return wrongUsage(`error: too many arguments for "${commandOf(argv)}"; ${hint}\n`, argv);
    }
    if (error.code === "commander.unknownOption") return unknownFlag(error.message, program, argv);
    return wrongUsage(printed, argv);
  }
  return request ?? { kind: "print", text: program.helpInformation(), code: 2 };
}

function wrongUsage(text: string, argv: readonly string[]): Request {
  const command = commandOf(argv);
  const help = ["run", "validate", "migrate", "status", "explain", "completion"].includes(command)
    ? `${command} --help`
    : "--help";
  return { kind: "print", text: `${text}See: herald ${help}\n`, code: 2 };
}

/** The library compares flag and value as one word; the value is none of the flag's business. */
function unknownFlag(message: string, program: Command, argv: readonly string[]): Request {
  const flag = /'(--?[^'=]*)/.exec(message)?.[1] ?? "";
  const command = program.commands.find((one) => one.name() === commandOf(argv)) ?? program;
  const flags = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long ?? "");
  const near = nearest(flag, flags);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return wrongUsage(`error: unknown option ${flag}${hint}\n`, argv);
}

function commandOf(argv: readonly string[]): string {
  return argv.find((word) => !word.startsWith("-")) ?? "";
}

function buildProgram(done: (request: Request) => void, around: Surroundings): Command {
  const program = new Command("herald").description(
    "Network load balancer for bare-metal Kubernetes: gives Services of type LoadBalancer " +
      "their addresses and makes the network send their traffic here.",
  ).addHelpText("after", "\nExit codes: 0 done, 1 it failed or the input is bad, 2 wrong usage.");
  addRun(program, (flags) => done({ kind: "run", options: readRunOptions(flags, around) }));
  addObjectOptions(
    program.command("validate").argument(
      "<source...>",
      "files of configuration or manifests, folders of them, or - for standard input",
    ),
  )
    .description(
      "check configuration files or manifests; prints FILE:LINE:COL: message, and with --against " +
        "what the configuration would change",
    )
    .addOption(
      once("--against <place>", "cluster, or a folder of manifests: what stands there now"),
    )
    .addOption(
      oneOf("--compat <version>", "the MetalLB that announces there now", METALLB_VERSIONS),
    )
    .addOption(outputOption())
    .action((sources: string[], flags: Flags) => {
      const against = readAgainst(flags, around);
      const expected = readExpected(flags, around);
      const compat = readReplaced(flags);
      done({ kind: "validate", sources, expected, against, compat, output: outputOf(flags) });
    });
  addSourceOptions(program.command("migrate"))
    .description(
      "tells what stands in the way of taking MetalLB's place in a cluster; reads, changes nothing",
    )
    .addOption(new Option("--check", "the only thing that it does"))
    .addOption(
      oneOf("--compat <version>", "the MetalLB that runs there; default v0.12", METALLB_VERSIONS),
    )
    .addOption(outputOption())
    .action((flags: Flags) => {
      if (flags.check !== true) {
        throw new UsageError(
          "Herald changes nothing by itself; write: herald migrate --check, and see docs/upgrade.md",
        );
      }
      const source = readSourceOptions(flags, around);
      const compat = readReplaced(flags) ?? "v0.12";
      done({ kind: "migrate", source, compat, output: outputOf(flags) });
    });
  program.command("status")
    .description("what the running roles hold, on this machine or in a cluster")
    .addOption(new Option("--cluster", "the roles of a cluster, by way of its API server"))
    .addOption(once("--kubeconfig <file>", "that cluster; default: $KUBECONFIG, ~/.kube/config"))
    .addOption(once("--namespace <ns>", "Herald's in the cluster; default metallb-system"))
    .addOption(once("--port <port>", "the role of this machine whose page is at that port"))
    .addOption(new Option("--check", "tells what is wrong; the exit code is 1 then"))
    .addOption(outputOption())
    .action((flags: Flags) => {
      const cluster = readCluster(flags, around);
      const port = readPagePort(flags);
      done({ kind: "status", cluster, port, check: flags.check === true, output: outputOf(flags) });
    });
  addSourceOptions(
    program.command("explain").argument("<kind>", "service").argument("<name>", "NAMESPACE/NAME"),
  ).addOption(outputOption())
    .description("why a Service has (or has not) its address, and who announces it")
    .action((kind: string, service: string, flags: Flags) => {
      if (kind !== "service" && kind !== "svc") {
        throw new UsageError(
          `cannot explain "${kind}"; write: herald explain service NAMESPACE/NAME`,
        );
      }
      if (!/^[^/]+\/[^/]+$/.test(service)) {
        throw new UsageError(
          `"${service}" is no Service; write NAMESPACE/NAME, for example default/nginx`,
        );
      }
      const source = readSourceOptions(flags, around);
      const sourceGiven = ["store", "kubeconfig"].some((name) => flags[name] !== undefined);
      done({ kind: "explain", service, source, sourceGiven, output: outputOf(flags) });
    });
  program.command("version").description("version, commit, Deno and target")
    .action(() => done({ kind: "version" }));
  program.command("completion").argument("<shell>", SHELLS.join(", "))
    .description("prints the shell's completions: source <(herald completion bash)")
    .action((word: string) => {
      const shell = SHELLS.find((one) => one === word);
      if (shell === undefined) {
        throw new UsageError(
          `there are no completions for "${word}", only for ${SHELLS.join(", ")}`,
        );
      }
      done({ kind: "print", text: completionFor(shell, factsOf(program)), code: 0 });
    });
  return program;
}

/** All commands with their flags, as --help has them, for what else tells of them. */
export function commandFacts(around: Surroundings): readonly CommandFacts[] {
  return factsOf(buildProgram(() => undefined, around));
}

/**
 * The ConfigMap that a Herald with these `--config` and `--namespace` reads; undefined where it reads
 * a local file. @throws UsageError
 */
function readExpected(flags: Flags, around: Surroundings): ExpectedConfigMap | undefined {
  const { config, namespace } = readSourceOptions(
    { config: flags.config, namespace: flags.namespace },
    around,
  );
  const names = configMapNames(config);
  return names === undefined ? undefined : { namespace, names };
}

function outputOf(flags: Flags): OutputFormat {
  return flags.output === "json" ? "json" : "text";
}

/**
 * Go's flag package takes one dash, so MetalLB's users write `-port=7472`; and MetalLB's images
 * start the program with flags alone: then the environment of its manifests tells the role.
 */
function normalise(argv: readonly string[], around: Surroundings): string[] {
  const words = argv.map((word) => /^-[a-zA-Z][^=]+/.test(word) ? `-${word}` : word);
  const first = words[0];
  if (first === undefined || !first.startsWith("--") || first === "--help") return words;
  if (first === "--version") return ["version"];
  if (words.some((word) => word.startsWith("--role"))) return ["run", ...words];
  if (around.env("METALLB_NODE_NAME")) return ["run", "--role=speaker", ...words];
  if (around.env("METALLB_DEPLOYMENT") ?? around.env("METALLB_ML_SECRET_NAME")) {
    return ["run", "--role=controller", ...words];
  }
  return words;
}
