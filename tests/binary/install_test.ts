import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { run, start } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

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

Deno.test("what install.sh installs can be run by everybody, whatever the umask, and needs no root in one's own folder", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-prefix-" });
  try {
    // As a user who is not root, where sudo would only refuse.
    for (const [name, text] of [["id", "echo 1000"], ["sudo", "echo no sudo >&2; exit 1"]]) {
      await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    const path = `PATH=${folder}:${Deno.env.get("PATH")}`;
    const text = 'umask 077; cd "$1" && env "$2" PREFIX=own/prefix "$0"';
    const { code, stderr } = await run("sh", ["-c", text, `${ROOT}install.sh`, folder, path]);
    assert.equal(code, 0, stderr);
    for (const part of ["", "/bin", "/bin/herald"]) {
      const { mode } = await Deno.stat(`${folder}/own/prefix${part}`);
      assert.equal((mode ?? 0) & 0o777, 0o755, part);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("one run of install.sh waits for another of the same clone", async () => {
  await using other = start("flock", ["--no-fork", `${ROOT}dist`, "sleep", "60"]);
  await waitFor("the lock", async () => {
    return (await run("flock", ["-n", `${ROOT}dist`, "true"])).code !== 0;
  });
  await using mine = start(`${ROOT}install.sh`, ["build"]);
  await waitFor("the message", () => /waiting for another/.test(mine.output()));
  await other.end();
  assert.equal(await mine.exited, 0, mine.output());
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
