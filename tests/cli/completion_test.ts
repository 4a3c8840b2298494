import assert from "node:assert/strict";
import { commandFacts, parseArguments } from "../../lib/cli/arguments.ts";
import { completionFor, SHELLS } from "../../lib/cli/completion.ts";
import { must } from "../support/process.ts";
import { NOWHERE } from "../support/surroundings.ts";

const COMMANDS = commandFacts(NOWHERE);
const SCRIPTS = Object.fromEntries(SHELLS.map((shell) => [shell, completionFor(shell, COMMANDS)]));

/** What bash offers for the last of these words, as it cuts them. */
async function bash(folder: string, ...words: string[]): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${SCRIPTS.bash}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _herald
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const text = await must("bash", ["--norc", "-c", `cd '${folder}' && ${script}`]);
  return text.split("\n").filter((line) => line !== "").sort();
}

Deno.test("bash completes commands, flags, words, files and folders", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-completion-" });
  try {
    await Deno.writeTextFile(`${folder}/pools.yaml`, "");
    await Deno.mkdir(`${folder}/store`);
    const names = COMMANDS.map(({ name }) => name);
    assert.deepEqual(
      (await bash(folder, "herald", "")).filter((word) => !word.startsWith("-")),
      names.toSorted(),
    );
    assert.deepEqual(await bash(folder, "herald", "va"), ["validate"]);
    for (const { flags, name } of COMMANDS) {
      const shown = flags.filter(({ hidden }) => !hidden).map(({ long }) => long);
      assert.deepEqual(await bash(folder, "herald", name, "--"), [...shown, "--help"].sort());
    }
    assert.deepEqual(await bash(folder, "herald", "run", "--role", "s"), ["speaker"]);
    const roles = ["all", "controller", "speaker"];
    assert.deepEqual(await bash(folder, "herald", "run", "--role", "="), roles);
    assert.deepEqual(await bash(folder, "herald", "run", "--role", "=", "a"), ["all"]);
    assert.deepEqual(await bash(folder, "herald", "run", "--store", ""), ["store"]);
    assert.deepEqual(await bash(folder, "herald", "run", "--config", "p"), ["pools.yaml"]);
    assert.deepEqual(await bash(folder, "herald", "validate", ""), ["pools.yaml", "store"]);
    assert.deepEqual(await bash(folder, "herald", "explain", ""), ["service"]);
    assert.deepEqual(await bash(folder, "herald", "run", "--leader-elect", "--leader-elect-p"), [
      "--leader-elect-profile",
    ]);
    assert.deepEqual(await bash(folder, "herald", "run", "--port", ""), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("fish completes commands, flags and words", async () => {
  const offered = async (line: string) => {
    const script = `source (echo $argv[1] | psub); complete -C '${line}'`;
    const text = await must("fish", ["--no-config", "-c", script, SCRIPTS.fish ?? ""]);
    return text.trim().split("\n").map((each) => each.split("\t")[0] ?? "").sort();
  };
  assert.deepEqual(await offered("herald "), COMMANDS.map(({ name }) => name).sort());
  assert.deepEqual(await offered("herald run --rol"), ["--role"]);
  assert.deepEqual(await offered("herald run --role "), ["all", "controller", "speaker"]);
  assert.deepEqual(await offered("herald completion b"), ["bash"]);
});

Deno.test("zsh loads the script, which hands the flags and words of a command to _arguments", async () => {
  const handed = async (command: string) => {
    // Completion proper needs a terminal: what it would be asked to offer is read instead.
    const script = `compdef() { : }; _describe() { : }; _arguments() {
  if [[ $1 == -C ]]; then state=argument words=(${command}); else print -rl -- "$@"; fi
}
eval "$1" && _herald`;
    const stdout = await must("zsh", ["-f", "-c", script, "zsh", SCRIPTS.zsh ?? ""]);
    return stdout.trim().split("\n");
  };
  for (const { flags, name } of COMMANDS) {
    const lines = await handed(name);
    for (const { hidden, long } of flags) {
      assert.equal(lines.some((line) => new RegExp(`^${long}[[=]`).test(line)), !hidden, long);
    }
  }
  assert.ok((await handed("run")).includes("--role=[what to run]:role:(controller speaker all)"));
  assert.ok((await handed("validate")).includes("*:source:_files"));
  assert.ok((await handed("completion")).includes("1:shell:(bash zsh fish)"));
});

Deno.test("herald completion prints a shell's script, and refuses others with exit code 2", () => {
  for (const shell of SHELLS) {
    const request = parseArguments(["completion", shell], NOWHERE);
    assert.deepEqual(request, { kind: "print", text: SCRIPTS[shell], code: 0 });
  }
  const refused = parseArguments(["completion", "tcsh"], NOWHERE);
  assert.ok(refused.kind === "print" && refused.code === 2, JSON.stringify(refused));
  assert.match(refused.text, /no completions for "tcsh", only for bash, zsh, fish/);
});
