import assert from "node:assert/strict";
import { flagOf, port, text, UsageError, word } from "../../lib/cli/flag_values.ts";

Deno.test("flagOf() writes a flag as the command line has it", () => {
  assert.equal(flagOf("mlSecretKeyPath"), "--ml-secret-key-path");
  assert.equal(flagOf("role"), "--role");
});

Deno.test("text() refuses a flag that is given and empty", () => {
  assert.equal(text({ host: "a" }, "host"), "a");
  assert.equal(text({}, "host"), undefined);
  assert.equal(text({ host: true }, "host"), undefined);
  assert.throws(() => text({ mlBindaddr: "" }, "mlBindaddr"), /--ml-bindaddr is empty/);
});

Deno.test("word() and port() name what there is", () => {
  assert.equal(word("--role", undefined, ["a", "b"], "b"), "b");
  assert.throws(() => word("--role", "A", ["a", "b"], "b"), /did you mean --role=a\?/);
  assert.equal(port("--port", "0", 7472), 0);
  for (const wrong of ["65536", "-1", "07", "x"]) {
    assert.throws(() => port("--port", wrong, 7472), UsageError, wrong);
  }
});
