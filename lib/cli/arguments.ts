import { ELECTION_RULES } from "../speaker/view.ts";
import type { ExpectedConfigMap } from "../config/manifest.ts";
import { nearest } from "../config/nearest.ts";
import { LOG_LEVELS } from "../host/process/log.ts";
import { Command, CommanderError, Option } from "commander";
import { type CommandFacts, completionFor, factsOf, SHELLS } from "./completion.ts";
import {
  ARP_BACKENDS,
  configMapNames,
  ROLES,
  type RunOptions,
  type SourceOptions,
} from "../host/process/options.ts";
import {
  type Flags,
  readAgainst,
  readRunOptions,
  readSourceOptions,
  type Surroundings,
  UsageError,
} from "./values.ts";

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
    readonly output: OutputFormat;
  }
  | { readonly kind: "status"; readonly output: OutputFormat }
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
    if (error.code === "commander.unknownOption") return unknownFlag(error.message, program, argv);
    return wrongUsage(printed, argv);
  }
  return request ?? { kind: "print", text: program.helpInformation(), code: 2 };
}

function wrongUsage(text: string, argv: readonly string[]): Request {
  const command = commandOf(argv);
  const help = ["run", "validate", "status", "explain", "completion"].includes(command)
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
  addRun(program, done, around);
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
    .addOption(outputOption())
    .action((sources: string[], flags: Flags) => {
      const against = readAgainst(flags, around);
      const expected = readExpected(flags, around);
      done({ kind: "validate", sources, expected, against, output: outputOf(flags) });
    });
  program.command("status").addOption(outputOption())
    .description("what the running roles on this machine hold")
    .action((flags: Flags) => done({ kind: "status", output: outputOf(flags) }));
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

function outputOption(): Option {
  return new Option("--output <format>", "text or json").choices(["text", "json"]).default("text");
}

function outputOf(flags: Flags): OutputFormat {
  return flags.output === "json" ? "json" : "text";
}

/** A flag given twice is a mistake that would hide the first value. */
function once(flag: string, description: string): Option {
  return new Option(flag, description).argParser((value: string, previous: string | undefined) => {
    if (previous !== undefined) throw new UsageError(`${flag.split(" ")[0]} is given twice`);
    return value;
  });
}

function oneOf(flag: string, description: string, words: readonly string[]): Option {
  const option = once(flag, description);
  // Only told, here: who reads the values refuses others, and names the nearest.
  option.argChoices = [...words];
  return option;
}

function addSourceOptions(command: Command): Command {
  return addObjectOptions(
    command.addOption(
      once(
        "--store <dir>",
        "Kubernetes objects from manifests in this folder, not from an API server",
      ),
    ),
  );
}

function addObjectOptions(command: Command): Command {
  return command
    .addOption(
      once(
        "--config <source>",
        "ConfigMap name, or a local file (has a / or ends in .yaml, .yml, .json)",
      ),
    )
    .addOption(once("--kubeconfig <file>", "default: in-cluster, $KUBECONFIG, ~/.kube/config"))
    .addOption(
      once(
        "--namespace <ns>",
        "where the ConfigMap is; default $METALLB_NAMESPACE, the pod's, metallb-system",
      ),
    )
    .addOption(once("--lb-class <name>", "only Services of this spec.loadBalancerClass"));
}

function addRun(program: Command, done: (request: Request) => void, around: Surroundings): void {
  const run = addSourceOptions(program.command("run"))
    .description("run the controller, the speaker, or both in one process")
    .addOption(oneOf("--role <role>", "what to run", ROLES))
    .addOption(
      once(
        "--node-name <name>",
        "speaker: this node; default $METALLB_NODE_NAME, $NODE_NAME, host name",
      ),
    )
    .addOption(once("--host <address>", "HTTP listener; default $METALLB_HOST, else all addresses"))
    .addOption(
      once("--port <port>", "HTTP listener; 0 picks one; default $METALLB_PORT, else 7472"),
    )
    .addOption(
      once("--ml-bindaddr <address>", "gossip: address to listen on ($METALLB_ML_BIND_ADDR)"),
    )
    .addOption(once("--ml-bindport <port>", "gossip: port (7946)"))
    .addOption(once("--ml-labels <selector>", "speakers' pods by label ($METALLB_ML_LABELS)"))
    .addOption(once("--ml-namespace <ns>", "speakers' pods by namespace ($METALLB_ML_NAMESPACE)"))
    .addOption(
      once("--ml-secret-key <key>", "gossip: better by $METALLB_ML_SECRET_KEY or its _PATH"),
    )
    .addOption(once("--ml-join <addresses>", "gossip: members to join where no API tells them"))
    .addOption(oneOf("--ml-key-bytes <n>", "gossip: key length", ["16", "32"]))
    .addOption(once("--heartbeat-interval <duration>", "between a speaker's beats; default 50ms"))
    .addOption(once("--heartbeat-multiplier <n>", "missing beats that mean it is gone; default 3"))
    .addOption(
      oneOf("--l2-election <rule>", "who owns an address, MetalLB's rule of", ELECTION_RULES),
    )
    .addOption(oneOf("--arp-backend <backend>", "who answers ARP", ARP_BACKENDS))
    .addOption(
      once(
        "--interface <names>",
        "answers on these only: eth0,bond*,!eth3 (all but cali*, cni* …)",
      ),
    )
    .addOption(
      new Option(
        "--arp-probe",
        "asks 7 s long whether a host has a new address, then announces it",
      ),
    )
    .addOption(
      new Option("--ignore-exclude-lb", "use nodes labelled exclude-from-external-load-balancers"),
    )
    .addOption(once("--leader-elect [bool]", "controller: one of several writes; default true"))
    .addOption(once("--leader-elect-lease-duration <time>", "others wait so long; default 15s"))
    .addOption(once("--leader-elect-renew-deadline <time>", "then a leader stops; default 10s"))
    .addOption(once("--leader-elect-retry-period <time>", "between renewals; default 2s"))
    .addOption(once("--leader-elect-resource-name <name>", "the Lease; default herald-controller"))
    .addOption(
      oneOf("--leader-elect-profile <profile>", "times; fast: takeover within 3s", [
        "default",
        "fast",
      ]),
    )
    .addOption(oneOf("--log-level <level>", "default info", LOG_LEVELS))
    .addOption(
      oneOf("--log-format <format>", "default json, pretty on a terminal", ["json", "pretty"]),
    );
  for (const [flag, takesValue] of METALLB_ONLY) {
    run.addOption(new Option(takesValue ? `${flag} <value>` : `${flag} [bool]`).hideHelp());
  }
  run.action((flags: Flags) => done({ kind: "run", options: readRunOptions(flags, around) }));
}

/** Flags of MetalLB's manifests that Herald accepts so that these run with the image replaced. */
export const METALLB_ONLY: readonly (readonly [string, boolean])[] = [
  ["--ml-secret-name", true],
  ["--ml-secret-key-path", true],
  ["--deployment", true],
  ["--pod-name", true],
  ["--disable-epslices", false],
  ["--enable-pprof", false],
  ["--ml-wan-config", false],
];

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
