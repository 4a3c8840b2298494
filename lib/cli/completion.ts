import type { Command, Option } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = typeof SHELLS[number];

/** A flag of a command, as --help has it. */
export interface FlagFacts {
  /** With its two dashes. */
  readonly long: string;
  /** With its dash. */
  readonly short: string | undefined;
  /** The value's name; undefined where it takes none. */
  readonly value: string | undefined;
  /** Whether the value may be left out. */
  readonly optional: boolean;
  readonly description: string;
  /** The values that there are; none where it may be any. */
  readonly choices: readonly string[];
  /** Whether it is there only for MetalLB's sake, and not shown by --help. */
  readonly hidden: boolean;
}

/** A command, as --help has it. */
export interface CommandFacts {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly variadic: boolean;
    readonly description: string;
  }[];
  readonly flags: readonly FlagFacts[];
}

/** All that the program's commands take. */
export function factsOf(program: Command): readonly CommandFacts[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      variadic: argument.variadic,
      description: argument.description,
    })),
    flags: command.options.map(flagOf),
  }));
}

function flagOf(option: Option): FlagFacts {
  return {
    long: option.long ?? "",
    short: option.short,
    value: /[<[]([^>\]]+)/.exec(option.flags)?.[1],
    optional: option.optional,
    description: option.description,
    choices: option.argChoices ?? (option.optional ? ["true", "false"] : []),
    hidden: option.hidden,
  };
}

/** The script that completes Herald's command line in a shell. */
export function completionFor(shell: Shell, commands: readonly CommandFacts[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** By the name of a value or argument: what of the file system can stand there. */
function placeOf(name: string | undefined): "folder" | "file" | undefined {
  if (name === "dir") return "folder";
  return name === "file" || name === "source" || name === "place" ? "file" : undefined;
}

function shownFlags({ flags }: CommandFacts): readonly FlagFacts[] {
  return flags.filter(({ hidden }) => !hidden);
}

function namesOf({ long, short }: FlagFacts): readonly string[] {
  return short === undefined ? [long] : [short, long];
}

function bash(commands: readonly CommandFacts[]): string {
  const reply = (words: string) => `COMPREPLY=($(compgen ${words} -- "$cur"))`;
  const values = commands.flatMap((command) =>
    shownFlags(command).filter(({ value }) => value !== undefined).map((flag) => {
      const place = placeOf(flag.value);
      const words = flag.choices.length > 0
        ? reply(`-W "${flag.choices.join(" ")}"`)
        : place === undefined
        ? "return"
        : reply(place === "folder" ? "-d" : "-f");
      const patterns = namesOf(flag).map((name) => `"${command.name} ${name}"`).join(" | ");
      // A value that may be left out can be followed by the next flag.
      const unless = flag.optional ? "[[ $cur == -* ]] || { " : "";
      return `  ${patterns}) ${unless}${words}; return${flag.optional ? "; }" : ""} ;;`;
    })
  );
  const flags = commands.map((command) => {
    const words = shownFlags(command).flatMap(namesOf).concat("--help").join(" ");
    return `  ${command.name}) flags="${words}" ;;`;
  });
  const files = commands.filter((command) => command.arguments.some(({ name }) => placeOf(name)));
  const words = commands.filter(({ name }) => WORDS[name] !== undefined).map(({ name }) =>
    `  ${name}) ${reply(`-W "${WORDS[name]?.join(" ")}"`)} ;;`
  );
  return `# bash completion for herald; source it, or lay it into the completions' folder.
_herald() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} flags=""
  # Bash takes the sign in --flag=value for a word of its own.
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    ${reply(`-W "${commands.map(({ name }) => name).join(" ")} --help --version"`)}
    return
  fi
  case "\${COMP_WORDS[1]} $prev" in
${values.join("\n")}
  esac
  case "\${COMP_WORDS[1]}" in
${flags.join("\n")}
  esac
  if [[ $cur == -* ]]; then
    ${reply('-W "$flags"')}
    return
  fi
  case "\${COMP_WORDS[1]}" in
  ${files.map(({ name }) => name).join(" | ")}) ${reply("-f")} ;;
${words.join("\n")}
  esac
}
complete -o filenames -F _herald herald
`;
}

/** What can stand as the first argument of a command that takes no files. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  explain: ["service"],
  completion: SHELLS,
};

function zsh(commands: readonly CommandFacts[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const plain = (text: string) => text.replace(/[[\]:\\]/g, "\\$&");
  const action = (name: string | undefined, choices: readonly string[]) => {
    if (choices.length > 0) return `(${choices.join(" ")})`;
    const place = placeOf(name);
    return place === undefined ? " " : place === "folder" ? "_files -/" : "_files";
  };
  const flagSpecs = (flag: FlagFacts) => {
    const value = flag.value === undefined
      ? ""
      : `${flag.optional ? "::" : ":"}${plain(flag.value)}:${action(flag.value, flag.choices)}`;
    const sign = flag.value === undefined ? "" : flag.optional ? "=-" : "=";
    const told = `[${plain(flag.description)}]${value}`;
    const short = flag.short === undefined ? [] : [quote(`${flag.short}${told}`)];
    return [...short, quote(`${flag.long}${sign}${told}`)];
  };
  const cases = commands.map((command) => {
    const specs = [
      ...shownFlags(command).flatMap(flagSpecs),
      "'--help[shows the flags]'",
      ...command.arguments.map(({ name, variadic }, at) => {
        const words = at === 0 ? WORDS[command.name] ?? [] : [];
        return quote(`${variadic ? "*" : at + 1}:${plain(name)}:${action(name, words)}`);
      }),
    ];
    return `    ${command.name})\n      _arguments \\\n        ${
      specs.join(" \\\n        ")
    }\n      ;;`;
  });
  const names = commands.map(({ description, name }) =>
    quote(`${name}:${plain(description.replace(/[;:].*/s, ""))}`)
  );
  return `#compdef herald
# zsh completion for herald; source it, or lay it as _herald into a folder of $fpath.
_herald() {
  local curcontext=$curcontext state line
  local -a commands=(
    ${names.join("\n    ")}
  )
  _arguments -C '1:command:->command' '*::argument:->argument'
  case $state in
  command) _describe -t commands 'command' commands ;;
  argument)
    case $words[1] in
${cases.join("\n")}
    esac
    ;;
  esac
}
if [[ $funcstack[1] == _herald ]]; then
  _herald "$@"
else
  compdef _herald herald
fi
`;
}

function fish(commands: readonly CommandFacts[]): string {
  const quote = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const line = (...parts: string[]) => ["complete -c herald", ...parts].join(" ");
  const lines = commands.flatMap((command) => {
    const here = `-n '__fish_seen_subcommand_from ${command.name}'`;
    const flags = shownFlags(command).map((flag) => {
      const place = placeOf(flag.value);
      const takes = flag.value === undefined || flag.optional
        ? []
        : flag.choices.length > 0
        ? ["-x", "-a", quote(flag.choices.join(" "))]
        : place === undefined
        ? ["-x"]
        : place === "folder"
        ? ["-x", "-a", "'(__fish_complete_directories)'"]
        : ["-r", "-F"];
      const short = flag.short === undefined ? [] : ["-s", flag.short.slice(1)];
      return line(
        here,
        ...short,
        "-l",
        flag.long.slice(2),
        ...takes,
        "-d",
        quote(flag.description),
      );
    });
    const words = WORDS[command.name];
    const first = words === undefined ? [] : [line(here, "-a", quote(words.join(" ")))];
    const files = command.arguments.some(({ name }) => placeOf(name)) ? [line(here, "-F")] : [];
    const name = line(
      "-n __fish_use_subcommand",
      "-a",
      command.name,
      "-d",
      quote(command.description.replace(/[;:].*/s, "")),
    );
    return [name, ...files, ...first, ...flags];
  });
  return `# fish completion for herald; herald completion fish | source\n${line("-f")}\n${
    lines.join("\n")
  }\n`;
}
