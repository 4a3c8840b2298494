import assert from "node:assert/strict";
import { manPage } from "../../.ci/release/man.ts";
import { commandFacts } from "../../lib/cli/arguments.ts";
import { run } from "../support/process.ts";
import { NOWHERE } from "../support/surroundings.ts";

const COMMANDS = commandFacts(NOWHERE);
const PAGE = manPage(COMMANDS, { version: "9.9.9", epoch: 1_800_000_000 });

Deno.test("herald.1 has every command and every flag with what --help says of it", async () => {
  const { stdout } = await run("groff", ["-man", "-Tutf8", "-rLL=200n", "-P-cbou"], PAGE);
  const words = stdout.replace(/\s+/g, " ").replaceAll("\u2010", "-");
  for (const { description, flags, name } of COMMANDS) {
    assert.ok(words.includes(`herald ${name}`), name);
    assert.ok(words.includes(description.slice(0, 30)), description);
    for (const { long } of flags) assert.ok(words.includes(long), long);
  }
  assert.ok(words.includes("--role=role What to run.".replace("What", "what")), words);
  assert.match(words, /One of controller, speaker, all\./);
  assert.match(words, /herald 9\.9\.9 +2027-01-15/);
});

Deno.test("herald.1 is rendered without a warning", async () => {
  const page = await run("groff", ["-man", "-Tutf8", "-ww", "-z"], PAGE);
  assert.deepEqual([page.code, page.stderr], [0, ""]);
  const broken = await run("groff", ["-man", "-Tutf8", "-ww", "-z"], `${PAGE}.nonsense\n`);
  assert.notEqual(broken.stderr, "", "the check sees no mistake at all");
});
