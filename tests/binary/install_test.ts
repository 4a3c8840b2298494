import assert from "node:assert/strict";
import { run } from "../support/process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

async function install(prefix: string, ...args: string[]) {
  return await run("env", [`PREFIX=${prefix}`, `${ROOT}install.sh`, ...args]);
}

Deno.test("install.sh installs, does no work twice, and uninstalls what it installed", async () => {
  const prefix = await Deno.makeTempDir({ prefix: "herald-prefix-" });
  try {
    const first = await install(prefix);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^Next: herald validate/m);
    const version = await run(`${prefix}/bin/herald`, ["version"]);
    assert.match(version.stdout, /^herald \d/);
    const second = await install(prefix, "build");
    assert.equal(second.code, 0);
    assert.doesNotMatch(second.stderr, /building|getting/);
    const removed = await install(prefix, "uninstall");
    assert.equal(removed.code, 0);
    assert.deepEqual([...Deno.readDirSync(`${prefix}/bin`)], []);
    assert.equal((await install(prefix, "uninstall")).code, 0);
  } finally {
    await Deno.remove(prefix, { recursive: true });
  }
});

Deno.test("install.sh refuses a command it does not know with exit code 2 and names those it does", async () => {
  const script = await Deno.readTextFile(`${ROOT}install.sh`);
  const [, cases = ""] = script.split('case "$command" in');
  const known = [...cases.matchAll(/^([a-z]+)\)/gm)].map(([, name = ""]) => name)
    .filter((name) => name !== "install");
  assert.ok(known.length >= 6, `${known}`);
  const { code, stderr } = await run(`${ROOT}install.sh`, ["instal"]);
  assert.equal(code, 2);
  assert.match(stderr, new RegExp(`one of ${known.join(", ")}, or none to install`));
  const help = await run(`${ROOT}install.sh`, ["help"]);
  for (const name of known) assert.match(help.stdout, new RegExp(`\\b${name}\\b`));
});
