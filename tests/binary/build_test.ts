import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).pathname;

async function must(command: string, args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  const decoder = new TextDecoder();
  assert.ok(success, `${command} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trim();
}

async function sha256(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

/** Builds a copy of the sources in a new folder, with file times of its own. */
async function buildCopy(sources: string, folder: string): Promise<string> {
  await must("cp", ["-r", sources, folder], sources);
  await must(Deno.execPath(), ["install", "--quiet", "--frozen"], folder);
  await must(Deno.execPath(), ["run", "--quiet", "-A", ".ci/bundle.ts"], folder);
  return await sha256(`${folder}/dist/herald`);
}

Deno.test("two builds of one source in two folders give the same bytes", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-build-" });
  try {
    const sources = `${folder}/sources`;
    await Deno.mkdir(sources);
    for (const name of ["main.ts", "deno.json", "deno.lock", "lib", "ffi", ".ci", ".git"]) {
      await must("cp", ["-r", `${ROOT}${name}`, sources], ROOT);
    }
    await Deno.mkdir(`${folder}/another`);
    const first = await buildCopy(sources, `${folder}/a`);
    const second = await buildCopy(sources, `${folder}/another/deeper`);
    assert.equal(second, first);
    // The check would pass on two empty files as well.
    assert.ok((await Deno.stat(`${folder}/a/dist/herald`)).size > 50_000_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
