import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { askSource, shortRevision, SOURCES } from "../../.ci/source.ts";
import { must } from "../support/process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("the revision says -dirty where a file of the program differs from its commit, and of no other file", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-source-" });
  const git = async (...args: string[]) =>
    (await must("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@b.c", ...args]))
      .trim();
  const write = (file: string, text: string) => Deno.writeTextFile(`${folder}/${file}`, text);
  try {
    const files = SOURCES.map((one) => /^\.?[a-z]+$/.test(one) ? `${one}/file.ts` : one);
    for (const file of files) {
      await Deno.mkdir(`${folder}/${file}`.replace(/\/[^/]+$/, ""), { recursive: true });
      await write(file, '{ "version": "1.2.3" }');
    }
    assert.equal((await askSource(folder)).revision, "unknown");
    await git("init", "--quiet");
    await git("add", ".");
    await git("commit", "--quiet", "--message=all");
    const commit = await git("rev-parse", "HEAD");
    const clean = await askSource(folder);
    assert.deepEqual([clean.version, clean.revision], ["1.2.3", commit]);
    assert.equal(clean.epoch, Number(await git("log", "-1", "--format=%ct")));
    assert.equal(shortRevision(clean), commit.slice(0, 12));
    await write("README.md", "of no account");
    assert.equal((await askSource(folder)).revision, commit);
    for (const file of files) {
      await write(file, '{ "version": "1.2.4" }');
      const dirty = await askSource(folder);
      assert.equal(dirty.revision, `${commit}-dirty`, file);
      assert.equal(shortRevision(dirty), `${commit.slice(0, 12)}-dirty`);
      await git("checkout", "--quiet", ".");
    }
    await write("lib/new.ts", "");
    assert.equal((await askSource(folder)).revision, `${commit}-dirty`, "a file git never saw");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a build is made anew for the files that make its revision dirty", async () => {
  const script = await Deno.readTextFile(`${ROOT}install.sh`);
  assert.match(script, new RegExp(`find ${SOURCES.join(" ")} -type f`));
});
