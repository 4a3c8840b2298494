import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

async function deno(...args: string[]): Promise<string> {
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return code === 0 ? "" : new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
}

Deno.test("deno fmt --check finds nothing to change", async () => {
  assert.equal(await deno("fmt", "--check"), "");
});

Deno.test("deno lint is clean", async () => {
  assert.equal(await deno("lint"), "");
});

Deno.test("deno check is clean for all code", async () => {
  assert.equal(await deno("check", "main.ts", "lib", "ffi", "tests", "bench", ".ci"), "");
});
