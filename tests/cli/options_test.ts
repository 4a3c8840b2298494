import assert from "node:assert/strict";
import { Command } from "commander";
import { UsageError } from "../../lib/cli/flag_values.ts";
import { addSourceOptions, once, oneOf, outputOption } from "../../lib/cli/options.ts";

function parsed(argv: readonly string[]): Record<string, unknown> {
  const command = addSourceOptions(new Command("test").exitOverride())
    .configureOutput({ writeErr: () => undefined })
    .addOption(once("--once <value>", "a flag"))
    .addOption(oneOf("--word <word>", "a word", ["a", "b"]))
    .addOption(outputOption());
  return command.parse([...argv], { from: "user" }).opts();
}

Deno.test("a flag is taken once, for its second value would hide the first", () => {
  assert.equal(parsed(["--once=1"]).once, "1");
  assert.throws(() => parsed(["--once=1", "--once=2"]), UsageError);
  assert.throws(() => parsed(["--store=a", "--store=b"]), /--store is given twice/);
});

Deno.test("words are told here and refused by who reads them; a format of output is refused at once", () => {
  assert.equal(parsed(["--word=c"]).word, "c");
  assert.equal(parsed([]).output, "text");
  assert.throws(() => parsed(["--output=xml"]));
});
