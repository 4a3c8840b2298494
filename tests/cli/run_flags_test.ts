import assert from "node:assert/strict";
import { Command } from "commander";
import type { Flags } from "../../lib/cli/flag_values.ts";
import { addRun } from "../../lib/cli/run_flags.ts";

function run(
  argv: readonly string[],
): { readonly flags: Flags | undefined; readonly help: string } {
  const program = new Command("herald").exitOverride();
  let flags: Flags | undefined;
  addRun(program, (found) => flags = found);
  if (argv.length > 0) program.parse(["run", ...argv], { from: "user" });
  return { flags, help: program.commands[0]?.helpInformation() ?? "" };
}

Deno.test("fault 23: addRun() offers every flag that has an effect", () => {
  const { help } = run([]);
  for (const flag of ["--ml-secret-name", "--ml-secret-key-path", "--deployment"]) {
    assert.match(help, new RegExp(`${flag} <`));
  }
});

Deno.test("addRun() takes the flags of MetalLB's manifests, and does not offer them", () => {
  const { flags, help } = run(["--role=speaker", "--pod-name=a", "--enable-pprof"]);
  assert.equal(flags?.podName, "a");
  assert.equal(flags?.enablePprof, true);
  assert.match(help, /--role <role>/);
  assert.doesNotMatch(help, /--pod-name|--enable-pprof/);
});
