// herald.1, from the same table of commands and flags as --help.
import type { CommandFacts, FlagFacts } from "../../lib/cli/completion.ts";

/** What of the page no flag tells. */
export interface ManFacts {
  readonly version: string;
  /** Seconds since 1970. */
  readonly epoch: number;
}

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["METALLB_NODE_NAME, NODE_NAME", "Name of this node, where --node-name is not given."],
  ["METALLB_NAMESPACE, METALLB_HOST", "As --namespace and --host."],
  [
    "METALLB_ML_BIND_ADDR, METALLB_ML_BIND_PORT, METALLB_ML_LABELS, METALLB_ML_NAMESPACE",
    "As the flags of the same names.",
  ],
  [
    "METALLB_ML_SECRET_KEY, METALLB_ML_SECRET_KEY_PATH",
    "The gossip key, or the file that holds it.",
  ],
  ["KUBECONFIG", "Where --kubeconfig is not given."],
  [
    "NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
    "Set by systemd: Herald tells it when it is ready, that it lives and that it stops.",
  ],
];

const FILES: readonly (readonly [string, string])[] = [
  ["/etc/herald/", "Configuration and flags of the units of the Debian package."],
  ["/var/lib/herald/", "The folder of manifests that these units read."],
  ["/run/herald/", "Sockets by which the status command finds the roles of this machine."],
];

const SIGNALS: readonly (readonly [string, string])[] = [
  ["SIGTERM, SIGINT", "Hands addresses over to others, then ends with exit code 0."],
  ["SIGHUP", "Reads local files again."],
];

/** Text as roff takes it. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/gm, "\\&$&")
    .replace(
      /[^\0-\x7e]/gu,
      (sign) => `\\[u${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}

function entry(term: string, text: string): string {
  return `.TP\n${term}\n${roff(text) || "\\&"}`;
}

function flagEntry({ choices, description, long, optional, short, value }: FlagFacts): string {
  const names = [short, long].filter((name) => name !== undefined)
    .map((name) => `\\fB${roff(name)}\\fR`).join(", ");
  const sign = value === undefined
    ? ""
    : optional
    ? `[=\\fI${roff(value)}\\fR]`
    : `=\\fI${roff(value)}\\fR`;
  const words = choices.length > 0 && !optional ? `One of ${choices.join(", ")}.` : "";
  const sentence = description === "" ? "" : `${description}.`;
  return entry(names + sign, [sentence, words].filter((one) => one !== "").join("\n"));
}

function commandSection(command: CommandFacts): string[] {
  const args = command.arguments.map(({ name, variadic }) =>
    ` \\fI${roff(name)}\\fR${variadic ? " ..." : ""}`
  );
  const flags = command.flags.filter(({ hidden }) => !hidden);
  return [
    `.SS herald ${roff(command.name)}${args.join("")}`,
    roff(`${command.description}.`),
    ...flags.map(flagEntry),
  ];
}

/** The manual page, in roff with man(7)'s macros. */
export function manPage(commands: readonly CommandFacts[], { epoch, version }: ManFacts): string {
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const pairs = (list: readonly (readonly [string, string])[]) =>
    list.map(([term, text]) => entry(`\\fB${roff(term)}\\fR`, text));
  const foreign = commands.flatMap(({ flags }) => flags).filter(({ hidden }) => hidden)
    .map(({ long }) => long).join(", ");
  return [
    `.TH HERALD 1 ${date} "herald ${version}" "User Commands"`,
    ".SH NAME",
    "herald \\- network load balancer for bare\\-metal Kubernetes",
    ".SH SYNOPSIS",
    ".B herald",
    "\\fIcommand\\fR [\\fIflags\\fR]",
    ".SH DESCRIPTION",
    roff(
      "Herald gives Services of type LoadBalancer their addresses and makes the network send " +
        "their traffic here: by ARP and NDP, or by BGP.\n" +
        "Objects come from a Kubernetes API server, or from a folder of manifests.",
    ),
    ".SH COMMANDS",
    ...commands.flatMap(commandSection),
    ".SH FLAGS OF METALLB",
    roff(`Accepted so that MetalLB's manifests run with the image replaced: ${foreign}.`),
    ".SH EXIT STATUS",
    entry("0", "Done, or stopped cleanly."),
    entry("1", "It failed, or the input is bad."),
    entry("2", "Wrong usage."),
    ".SH ENVIRONMENT",
    ...pairs(ENVIRONMENT),
    ".SH FILES",
    ...pairs(FILES),
    ".SH SIGNALS",
    ...pairs(SIGNALS),
    ".SH SEE ALSO",
    ".BR kubectl (1),",
    ".BR systemd.service (5)",
  ].join("\n") + "\n";
}
